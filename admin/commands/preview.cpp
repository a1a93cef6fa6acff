#include "admin/print/preview.hpp"

#include "admin/commands/commands.hpp"
#include "admin/fields.hpp"
#include "admin/print/time.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

namespace switchyard::admin {

namespace {

struct PreviewOptions {
    std::string service;
    std::string valid_for;
};

void preview(Context& context, const PreviewOptions& options) {
    json::object body;
    if (!options.valid_for.empty()) body["for_ms"] = parse_duration(options.valid_for)->count();
    const auto answer =
        ask(context, "POST", "/v1/services/" + url_segment(options.service) + "/preview",
            json::serialize(body));
    if (!answer || context.json) return;
    context.out << print_preview(answer->json, context.screen);
}

std::string check_validity(const std::string& text) {
    const auto parsed = parse_duration(text);
    if (parsed && *parsed >= std::chrono::seconds(1)) return {};
    return "\"" + text + "\" is not a duration like 30m, 2h or 24h, of a second to a day";
}

}  // namespace

void add_preview_command(CLI::App& app, Context& context) {
    auto options = std::make_shared<PreviewOptions>();
    CLI::App* command =
        app.add_subcommand("preview", "How to look at the idle slot before a switch");
    command->add_option("SERVICE", options->service, "The service")->required()->type_name("");
    command
        ->add_option("--for", options->valid_for,
                     "How long the pass is valid; 2h by default,\npreview.max_for at most")
        ->type_name("T")
        ->check(CLI::Validator(check_validity, "", "duration"));
    add_common_options(*command, context);
    command->footer(
        "Makes a pass to the idle slot, and prints a link for the browser, the request header and\n"
        "a curl line. The link leaves a cookie and disappears from the address; the parameter\n"
        "switchyard_preview=off ends the preview of that browser. A pass can't be taken back by\n"
        "itself: a new secret ends all that the old one made.\n"
        "\n"
        "Examples:\n"
        "  switchyard preview shop\n"
        "  switchyard preview shop --for 15m --json\n"
        "\n"
        "Exit codes: 0 done; 1 refused; 2 usage; 3 cannot reach the daemon.");
    command->callback([&context, options] { preview(context, *options); });
}

}  // namespace switchyard::admin
