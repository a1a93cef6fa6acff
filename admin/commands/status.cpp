#include "admin/print/status.hpp"

#include "admin/commands/commands.hpp"
#include "admin/fields.hpp"
#include "admin/print/error.hpp"
#include "admin/print/time.hpp"

#include <chrono>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>

namespace switchyard::admin {

namespace {

struct StatusOptions {
    std::string service;
    bool watch = false;
    unsigned rounds = 0;  ///< Of --watch; 0: until it is interrupted.
};

std::string target_of(const StatusOptions& options) {
    return options.service.empty() ? "/v1/status" : "/v1/services/" + url_segment(options.service);
}

std::string block(const StatusOptions& options, const Answer& answer, const Screen& screen) {
    return options.service.empty() ? print_status(answer.json, screen)
                                   : print_service(answer.json, screen);
}

/// Redraws from the top of the screen, and leaves nothing of the last picture behind.
void redraw(Context& context, const std::string& text) {
    if (!context.screen.terminal) {
        context.out << text << std::endl;
        return;
    }
    std::string out = "\x1b[H";
    for (const char c : text) {
        if (c == '\n') out += "\x1b[K";
        out += c;
    }
    context.out << out << "\x1b[J" << std::flush;
}

void watch(Context& context, const StatusOptions& options) {
    Screen screen = context.screen;
    screen.rows -= 1;  // The time stands above.
    auto next = std::chrono::steady_clock::now();
    bool answered = false;
    for (unsigned round = 1;; ++round) {
        const auto answer = context.client().call("GET", target_of(options));
        if (answer && !answer->ok()) return report_refusal(context, *answer);
        // A daemon that is being restarted comes back; one that was never there does not.
        if (!answer && !answered) return report(context, answer.error());
        if (answer && !answered && context.screen.terminal && !context.json) {
            context.out << "\x1b[2J";
        }
        answered = true;
        if (context.json) {
            print_json(context,
                       answer ? answer->body : failure_as_json(answer.error(), context.socket));
        } else if (answer) {
            redraw(context,
                   format_time(text(answer->json, "now")) + "\n" + block(options, *answer, screen));
        } else {
            redraw(context, print_failure(answer.error(), context.screen));
        }
        if (round == options.rounds) return;
        next += std::chrono::seconds(1);
        std::this_thread::sleep_until(next);
    }
}

void print_status(Context& context, const StatusOptions& options) {
    if (options.watch) return watch(context, options);
    const auto answer = ask(context, "GET", target_of(options));
    if (answer && !context.json) context.out << block(options, *answer, context.screen);
}

}  // namespace

void add_status_command(CLI::App& app, Context& context) {
    auto options = std::make_shared<StatusOptions>();
    CLI::App* command =
        app.add_subcommand("status", "What is live, since when, how healthy, and what is draining");
    command->add_option("SERVICE", options->service, "Only this service, in detail")->type_name("");
    command->add_flag("--watch", options->watch, "Again every second, until Ctrl-C");
    command->add_option("--rounds", options->rounds, "")->group("");
    add_common_options(*command, context);
    command->footer(
        "REQ/S is over the last five seconds; ERRORS are answers with 5xx since the daemon "
        "started.\n"
        "An unhealthy target is followed by the reason.");
    command->callback([&context, options] { print_status(context, *options); });
}

}  // namespace switchyard::admin
