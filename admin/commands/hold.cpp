#include "admin/print/hold.hpp"

#include "admin/commands/commands.hpp"
#include "admin/commands/values.hpp"
#include "admin/fields.hpp"
#include "admin/hold_stream.hpp"
#include "admin/interrupts.hpp"
#include "admin/print/error.hpp"
#include "admin/print/time.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

namespace switchyard::admin {

namespace {

struct HoldOptions {
    std::string service;
    std::string max;        ///< Empty: the service's.
    std::string idle_wait;  ///< Empty: none.
    bool detach = false;
};

struct MaintenanceOptions {
    std::string service;
    std::string state;
    std::string message;
    std::string retry_after;
};

std::string path(const std::string& service, std::string_view command) {
    return "/v1/services/" + url_segment(service) + "/" + std::string(command);
}

/// Ctrl-C: whoever began the hold ends it. True: the stream goes on to tell how that went.
bool ask_to_release(Context& context, const HoldOptions& options, HoldStream& stream) {
    if (!stream.holding()) return false;
    const auto answer = context.client().call("POST", path(options.service, "release"));
    if (context.json) return answer.has_value();
    if (!answer) {
        stream.note(print_failure(answer.error(), context.screen));
        return false;
    }
    return true;
}

void hold(Context& context, const HoldOptions& options) {
    json::object body;
    if (!options.max.empty()) body["max_ms"] = parse_duration(options.max)->count();
    if (!options.idle_wait.empty()) {
        body["idle_wait_ms"] = parse_duration(options.idle_wait)->count();
    }
    if (options.detach) body["wait"] = false;
    HoldStream stream(context, options.service, options.detach, !options.idle_wait.empty());
    const Interrupts interrupts;
    bool asked = false;
    Client::Limits limits;
    limits.interrupt = interrupts.fd();
    limits.go_on = [&] {
        if (asked) return false;
        asked = true;
        interrupts.take();
        return ask_to_release(context, options, stream);
    };
    const auto result = Client(context.socket, limits)
                            .stream("POST", path(options.service, "hold"), json::serialize(body),
                                    [&stream](std::string_view line, const json::value& event) {
                                        stream.line(line, event);
                                    });
    stream.end(result);
}

void release(Context& context, const std::string& service) {
    const auto answer = ask(context, "POST", path(service, "release"));
    if (!answer) return;
    if (!all_went_on(answer->json)) context.exit_code = kNotDrained;
    if (!context.json) context.out << print_released(answer->json, context.screen);
}

void maintenance(Context& context, const MaintenanceOptions& options) {
    json::object body;
    const bool on = options.state == "on";
    body["on"] = on;
    if (!options.message.empty()) body["message"] = options.message;
    if (!options.retry_after.empty()) {
        const auto seconds =
            std::chrono::ceil<std::chrono::seconds>(*parse_duration(options.retry_after));
        body["retry_after_s"] = seconds.count();
    }
    const auto answer =
        context.client().call("POST", path(options.service, "maintenance"), json::serialize(body));
    if (!answer) return report(context, answer.error());
    if (!answer->ok()) {
        report_refusal(context, *answer);
        // What is off already is what was asked for.
        if (error_code(answer->json) == "not_in_maintenance") context.exit_code = kDone;
        return;
    }
    if (context.json) return print_json(context, answer->body);
    const std::string name = printable(text(answer->json, "service"));
    context.out << painted(context.screen, Paint::bold, name) << ": ";
    if (!on) {
        context.out << painted(context.screen, Paint::green, "maintenance is off") << ", "
                    << printable(text(answer->json, "live")) << " serves\n";
        return;
    }
    context.out << painted(context.screen, Paint::red, "MAINTENANCE")
                << ", new requests get the maintenance page\n";
    if (const auto in_flight = integer(answer->json, "in_flight"); in_flight != 0) {
        context.out << "  " << counted(in_flight, "request") << " in flight, which may end\n";
    }
    context.out << "  It lasts, also across restarts, until: switchyard maintenance " << name
                << " off\n";
}

std::string check_on_off(const std::string& text) {
    return text == "on" || text == "off" ? "" : "\"" + text + "\" is neither on nor off";
}

void add_hold(CLI::App& app, Context& context) {
    auto options = std::make_shared<HoldOptions>();
    CLI::App* command =
        app.add_subcommand("hold", "Let new requests wait, for a migration or a switch");
    command->add_option("SERVICE", options->service, "The service")->required()->type_name("");
    command
        ->add_option("--max", options->max,
                     "When it ends by itself; hold: wait of the service\nby default")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    command->add_flag("--detach", options->detach, "Return at once; the hold goes on");
    command
        ->add_option("--idle-wait", options->idle_wait,
                     "Wait so long, 40s at most, until nothing from\nbefore is in flight; exit "
                     "code 4 if something is")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    add_common_options(*command, context);
    command->footer(
        "Requests that come wait at the door and reach no slot, until the release sends them, in\n"
        "order, to whatever is live then. Those that are under way go on. A hold that nobody\n"
        "releases ends by itself, to the live slot. The same command again gives it new time.\n"
        "\n"
        "Examples:\n"
        "  switchyard hold shop                        until Ctrl-C, or a release\n"
        "  switchyard hold shop --max 1m --detach --idle-wait 20s && bin/migrate\n"
        "  switchyard switch shop && switchyard release shop\n"
        "\n"
        "Ctrl-C releases; a second one leaves the hold to the daemon.\n"
        "\n"
        "Exit codes: 0 released, and all who waited went on; 1 refused; 2 usage; 3 cannot reach "
        "the\n"
        "daemon or outcome unknown; 4 it ended by itself, or some got a 503.");
    command->callback([&context, options] { hold(context, *options); });
}

void add_release(CLI::App& app, Context& context) {
    auto service = std::make_shared<std::string>();
    CLI::App* command =
        app.add_subcommand("release", "End a hold: who waits goes to the live slot");
    command->add_option("SERVICE", *service, "The service")->required()->type_name("");
    add_common_options(*command, context);
    command->footer(
        "Exit codes: 0 all who waited went on; 1 refused, e.g. nothing is held (any more); 2 "
        "usage;\n"
        "3 cannot reach the daemon; 4 released, but some got a 503 meanwhile.");
    command->callback([&context, service] { release(context, *service); });
}

void add_maintenance(CLI::App& app, Context& context) {
    auto options = std::make_shared<MaintenanceOptions>();
    CLI::App* command =
        app.add_subcommand("maintenance", "Answer new requests with the maintenance page");
    command->add_option("SERVICE", options->service, "The service")->required()->type_name("");
    command->add_option("STATE", options->state, "on or off")
        ->required()
        ->type_name("")
        ->check(CLI::Validator(check_on_off, "", "state"));
    command->add_option("--message", options->message, "On: what the page says to visitors")
        ->type_name("TEXT");
    command
        ->add_option("--retry-after", options->retry_after,
                     "On: when clients may try again; maintenance:\nretry_after of the service by "
                     "default")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    add_common_options(*command, context);
    command->footer(
        "503 with Retry-After, as HTML or JSON. Requests under way end. It survives restarts.\n"
        "on again changes the message.\n"
        "\n"
        "Exit codes: 0 done (off: also when it was off); 1 refused; 2 usage; 3 cannot reach the\n"
        "daemon.");
    command->callback([&context, command, options] {
        if (options->state == "off") {
            for (const char* name : {"--message", "--retry-after"}) {
                if (command->get_option(name)->count() == 0) continue;
                throw CLI::ValidationError(std::string(name) + " goes with on only");
            }
        }
        maintenance(context, *options);
    });
}

}  // namespace

void add_hold_commands(CLI::App& app, Context& context) {
    add_hold(app, context);
    add_release(app, context);
    add_maintenance(app, context);
}

}  // namespace switchyard::admin
