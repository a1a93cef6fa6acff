#include "admin/print/ip.hpp"

#include "admin/commands/commands.hpp"
#include "admin/commands/values.hpp"
#include "admin/fields.hpp"
#include "admin/interrupts.hpp"
#include "admin/ip_wait.hpp"
#include "admin/print/time.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

namespace switchyard::admin {

namespace {

struct IpOptions {
    std::string action = "status";
    std::string wait = "30s";
};

void status(Context& context) {
    const auto answer = ask(context, "GET", "/v1/reserved_ip");
    if (!answer || context.json) return;
    const json::value& ip = field(answer->json, "reserved_ip");
    if (!ip.is_object()) {
        context.out << "No reserved IP is configured (section reserved_ip).\n";
        return;
    }
    context.out << print_ip(ip, text(answer->json, "now"), context.screen);
}

void sync(Context& context, const IpOptions& options) {
    const auto wait = *parse_duration(options.wait);
    const auto deadline = std::chrono::steady_clock::now() + wait;
    const Interrupts interrupts;
    const auto answer = context.client(interrupts.fd()).call("POST", "/v1/reserved_ip/sync");
    if (!answer) return report(context, answer.error());
    if (!answer->ok()) return report_refusal(context, *answer);
    const json::value& desired = field(field(answer->json, "reserved_ip"), "desired");
    wait_for_ip(context, integer(desired, "epoch"), wait, deadline, interrupts.fd());
}

std::string check_action(const std::string& text) {
    return text == "status" || text == "sync" ? "" : "\"" + text + "\" is neither status nor sync";
}

}  // namespace

void add_ip_command(CLI::App& app, Context& context) {
    auto options = std::make_shared<IpOptions>();
    CLI::App* command =
        app.add_subcommand("ip", "The reserved IP: where it is, and to move it now");
    command->add_option("ACTION", options->action, "status (the default) or sync")
        ->type_name("")
        ->check(CLI::Validator(check_action, "", "action"));
    command->add_option("--wait", options->wait, "sync: how long the IP may take to get there")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    add_common_options(*command, context);
    command->footer(
        "sync looks at the IP at once, and moves it if it is not where it should be: also when\n"
        "the policy is to alert only, and when a fight with somebody else was given up.\n"
        "\n"
        "Exit codes: 0 done; 1 refused; 2 usage; 3 cannot reach the daemon; 5 sync: the IP is not\n"
        "where it should be (yet).");
    command->callback([&context, options] {
        if (options->action == "sync") {
            sync(context, *options);
        } else {
            status(context);
        }
    });
}

}  // namespace switchyard::admin
