#include "admin/commands/change.hpp"

#include "admin/commands/commands.hpp"
#include "admin/commands/values.hpp"
#include "admin/fields.hpp"
#include "admin/interrupts.hpp"
#include "admin/ip_wait.hpp"
#include "admin/print/time.hpp"
#include "admin/switch_stream.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

namespace switchyard::admin {

namespace {

/// Only digits: what CLI11 would also take (-1, 010, 0x7, too large) must not become another
/// number.
std::optional<std::uint64_t> parse_epoch(const std::string& text) {
    std::uint64_t epoch = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, epoch);
    if (text.empty() || stop != end || error != std::errc() || epoch > INT64_MAX) return {};
    return epoch;
}

std::string check_epoch(const std::string& text) {
    return parse_epoch(text) ? "" : "\"" + text + "\" is not an epoch: a number like 7";
}

}  // namespace

json::object body_of(const ChangeOptions& options) {
    json::object body;
    if (!options.to.empty()) body["to"] = options.to;
    if (!options.if_epoch.empty()) body["if_epoch"] = *parse_epoch(options.if_epoch);
    if (!options.drain_timeout.empty()) {
        body["drain_timeout_ms"] = parse_duration(options.drain_timeout)->count();
    }
    if (options.force) body["force"] = true;
    if (options.plan) body["plan"] = true;
    if (options.no_wait) body["wait"] = false;
    if (options.hold) body["hold"] = true;
    if (!options.hold_max.empty()) body["hold_max_ms"] = parse_duration(options.hold_max)->count();
    return body;
}

void run_change(Context& context, const std::string& action, const ChangeOptions& options) {
    SwitchStream stream(context, options.service, !options.no_wait);
    const Interrupts interrupts;
    const auto result =
        context.client(interrupts.fd())
            .stream("POST", "/v1/services/" + url_segment(options.service) + "/" + action,
                    json::serialize(body_of(options)),
                    [&stream](std::string_view line, const json::value& event) {
                        stream.line(line, event);
                    });
    stream.end(result);
    if (!stream.ip_to_wait_for() || (options.no_wait && options.ip_wait.empty())) return;
    const auto wait = options.ip_wait.empty() ? kIpWait : *parse_duration(options.ip_wait);
    wait_for_ip(context, stream.epoch(), wait, stream.committed_at() + wait, interrupts.fd());
}

namespace {

std::string check_slot(const std::string& text) {
    return text == "blue" || text == "green" ? "" : "\"" + text + "\" is neither blue nor green";
}

}  // namespace

void add_change_options(CLI::App& command, Context& context, ChangeOptions& options) {
    command.add_option("--if-epoch", options.if_epoch, "Only if this is still the epoch in force")
        ->type_name("N")
        ->check(CLI::Validator(check_epoch, "", "epoch"));
    command.add_flag("--force", options.force, "Also to a slot that is not healthy");
    command
        .add_option("--drain-timeout", options.drain_timeout,
                    "How long requests in flight may take before\nthey are cut: 500ms, 30s, 5m")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    command
        .add_option(
            "--ip-wait", options.ip_wait,
            "How long the reserved IP, if there is one, may\ntake to follow; 30s by default")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    command.add_flag("--plan", options.plan, "Change nothing; say what would happen");
    command.add_flag("--no-wait", options.no_wait, "Return when committed; the drain goes on");
    add_common_options(command, context);
}

namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done; 1 refused, nothing changed; 2 usage; 3 cannot reach the daemon or "
    "outcome\n"
    "unknown; 4 switched, but not everything drained in time; 5 switched, but the reserved IP did\n"
    "not follow in time.";

}  // namespace

void add_change_commands(CLI::App& app, Context& context) {
    auto options = std::make_shared<ChangeOptions>();
    CLI::App* command =
        app.add_subcommand("switch", "Make the idle slot live, then drain the other one");
    command->add_option("SERVICE", options->service, "The service")->required()->type_name("");
    command->add_option("SLOT", options->to, "blue or green; without it, the one that is idle")
        ->type_name("")
        ->check(CLI::Validator(check_slot, "", "slot"));
    command->add_flag("--hold", options->hold, "Let new requests wait until the switch is made");
    command
        ->add_option(
            "--max", options->hold_max,
            "With --hold: how long they may have to; hold: wait\nof the service by default")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    add_change_options(*command, context, *options);
    command->footer(
        std::string("Examples:\n"
                    "  switchyard switch shop --plan       what would happen\n"
                    "  switchyard switch shop              to the idle slot\n"
                    "  switchyard switch shop green        done already if green is live\n"
                    "  switchyard switch shop --if-epoch 7 unless somebody was faster\n\n") +
        kExitCodes);
    command->callback([&context, options] {
        if (!options->hold_max.empty() && !options->hold) {
            throw CLI::ValidationError("--max goes with --hold only");
        }
        run_change(context, "switch", *options);
    });

    auto back = std::make_shared<ChangeOptions>();
    command = app.add_subcommand("rollback", "Make the slot live that was live before");
    command->add_option("SERVICE", back->service, "The service")->required()->type_name("");
    add_change_options(*command, context, *back);
    command->footer(std::string("It works at once, also while the last switch still drains.\n\n") +
                    kExitCodes);
    command->callback([&context, back] { run_change(context, "rollback", *back); });
}

}  // namespace switchyard::admin
