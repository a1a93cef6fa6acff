#include "admin/print/history.hpp"

#include "admin/commands/commands.hpp"

#include <memory>

#include <CLI/CLI.hpp>

namespace switchyard::admin {

namespace {

struct HistoryOptions {
    std::string service;
    unsigned limit = 20;
};

void print_history(Context& context, const HistoryOptions& options) {
    std::string target = "/v1/history?limit=" + std::to_string(options.limit);
    if (!options.service.empty()) target += "&service=" + url_segment(options.service);
    const auto answer = ask(context, "GET", target);
    if (answer && !context.json) context.out << print_history(answer->json, context.screen);
}

}  // namespace

void add_history_command(CLI::App& app, Context& context) {
    auto options = std::make_shared<HistoryOptions>();
    CLI::App* command =
        app.add_subcommand("history", "Who switched what when, and how it ended; newest first");
    command->add_option("SERVICE", options->service, "Only this service")->type_name("");
    command->add_option("--limit", options->limit, "How many entries, 1 to 1000; 20 by default")
        ->type_name("N")
        ->check(CLI::Range(1, 1000));
    add_common_options(*command, context);
    command->callback([&context, options] { print_history(context, *options); });
}

}  // namespace switchyard::admin
