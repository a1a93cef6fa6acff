#include "admin/print/canary.hpp"

#include "admin/canary_stream.hpp"
#include "admin/commands/change.hpp"
#include "admin/commands/commands.hpp"
#include "admin/fields.hpp"
#include "admin/interrupts.hpp"

#include <charconv>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

namespace switchyard::admin {

namespace {

/// "5", "5%", "0.25%": digits, perhaps up to two decimals; hundredths of a percent.
std::optional<int> parse_share(std::string_view text) {
    if (text.ends_with('%')) text.remove_suffix(1);
    const std::size_t dot = text.find('.');
    const std::string_view whole = text.substr(0, dot);
    std::string decimals(dot == std::string_view::npos ? "" : text.substr(dot + 1));
    const auto digits = [](std::string_view part, std::size_t most) {
        return !part.empty() && part.size() <= most &&
               part.find_first_not_of("0123456789") == std::string_view::npos;
    };
    if (!digits(whole, 3)) return std::nullopt;
    if (dot != std::string_view::npos && !digits(decimals, 2)) return std::nullopt;
    decimals.resize(2, '0');
    const int share = std::stoi(std::string(whole)) * 100 + std::stoi(decimals);
    if (share > 10'000) return std::nullopt;
    return share;
}

std::string check_step(const std::string& text) {
    if (text == "off" || text == "promote") return {};
    const auto share = parse_share(text);
    if (!share) {
        return "\"" + text +
               "\" is neither a share like 5% or 0.25%, at most 100%, nor off or promote";
    }
    return *share == 0 ? "A canary without clients is none: say off" : "";
}

std::string path(const ChangeOptions& options) {
    return "/v1/services/" + url_segment(options.service) + "/canary";
}

void show(Context& context, const ChangeOptions& options) {
    const auto answer = ask(context, "GET", path(options));
    if (answer && !context.json) context.out << print_canary(answer->json, context.screen);
}

void change_share(Context& context, const ChangeOptions& options, int share) {
    json::object body = body_of(options);
    body["percent"] = share / 100.0;
    CanaryStream stream(context, options.service, !options.no_wait);
    const Interrupts interrupts;
    const auto result = context.client(interrupts.fd())
                            .stream("POST", path(options), json::serialize(body),
                                    [&stream](std::string_view line, const json::value& event) {
                                        stream.line(line, event);
                                    });
    stream.end(result);
}

/// Options that would be ignored are errors.
void check(const CLI::App& command, const std::string& step) {
    const auto only = [&](const char* name, bool fits, const char* with) {
        if (fits || command.get_option(name)->count() == 0) return;
        throw CLI::ValidationError(std::string(name) + " goes with " + with + " only");
    };
    only("--ip-wait", step == "promote", "promote");
    only("--drain-timeout", step == "promote" || step == "off", "promote and off");
    only("--no-wait", step == "promote" || step == "off", "promote and off");
    only("--force", !step.empty() && step != "off", "a share and promote");
    only("--if-epoch", !step.empty(), "a change");
    only("--plan", !step.empty(), "a change");
}

}  // namespace

void add_canary_command(CLI::App& app, Context& context) {
    auto options = std::make_shared<ChangeOptions>();
    auto step = std::make_shared<std::string>();
    CLI::App* command =
        app.add_subcommand("canary", "Send a share of the clients to the idle slot");
    command->add_option("SERVICE", options->service, "The service")->required()->type_name("");
    command
        ->add_option("SHARE", *step,
                     "5%, 0.25%: so many of the clients; off: none any\nmore; promote: make the "
                     "slot live. Without it: how\nboth sides do")
        ->type_name("")
        ->check(CLI::Validator(check_step, "", "share"));
    add_change_options(*command, context, *options);
    command->footer(
        "A client stays on its side: a greater share moves nobody back. While the slot is not\n"
        "healthy its clients are sent to live.\n"
        "\n"
        "Examples:\n"
        "  switchyard canary shop 5%        begin, or change the share\n"
        "  switchyard canary shop           errors and latencies of both sides, and a verdict\n"
        "  switchyard canary shop off       all clients back to the live slot\n"
        "  switchyard canary shop promote   a switch to the canary's slot, which ends it\n"
        "\n"
        "Exit codes: 0 done (also what was so already); 1 refused, nothing changed; 2 usage; 3\n"
        "cannot reach the daemon or outcome unknown; 4 done, but not everything drained in time; "
        "5\n"
        "promoted, but the reserved IP did not follow in time.");
    command->callback([&context, command, options, step] {
        check(*command, *step);
        if (step->empty()) return show(context, *options);
        if (*step == "promote") return run_change(context, "canary/promote", *options);
        change_share(context, *options, *step == "off" ? 0 : *parse_share(*step));
    });
}

}  // namespace switchyard::admin
