#include "admin/print/events.hpp"

#include "admin/commands/commands.hpp"

#include <memory>

#include <CLI/CLI.hpp>

namespace switchyard::admin {

namespace {

void follow_events(Context& context, const std::string& service) {
    const std::string target =
        service.empty() ? "/v1/events" : "/v1/events?service=" + url_segment(service);
    const auto result = context.client().stream(
        "GET", target, {}, [&context](std::string_view line, const boost::json::value& event) {
            if (context.json) {
                print_json(context, line);
            } else {
                context.out << print_event(event, context.screen) << std::flush;
            }
        });
    if (!result) return report(context, result.error());
    if (!result->ok()) return report_refusal(context, *result);
    report(context, {Failure::Kind::broken, "The daemon ended the stream of events.",
                     "It is stopping or being restarted."});
}

}  // namespace

void add_events_command(CLI::App& app, Context& context) {
    auto service = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("events", "What happens, as it happens, until Ctrl-C");
    command->add_option("SERVICE", *service, "Only this service")->type_name("");
    add_common_options(*command, context);
    command->footer(
        "With --json every line is one object, and a heartbeat comes every 15 seconds.");
    command->callback([&context, service] { follow_events(context, *service); });
}

}  // namespace switchyard::admin
