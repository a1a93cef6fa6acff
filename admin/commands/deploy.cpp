#include "admin/print/deploy.hpp"

#include "admin/commands/commands.hpp"
#include "admin/commands/values.hpp"
#include "admin/deploy_stream.hpp"
#include "admin/fields.hpp"
#include "admin/interrupts.hpp"
#include "admin/ip_wait.hpp"
#include "admin/print/error.hpp"
#include "admin/print/time.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

namespace switchyard::admin {

namespace {

struct DeployOptions {
    std::string service;
    std::string version;
    std::string drain_timeout;
    std::string ip_wait;           ///< Empty: kIpWait.
    std::vector<std::string> env;  ///< "NAME=VALUE"
    std::string hold_max;
    bool switch_after = false;
    bool hold = false;
    bool attach = false;
    bool cancel = false;
};

std::string path_of(const DeployOptions& options) {
    return "/v1/services/" + url_segment(options.service) + "/deploy";
}

std::string body_of(const DeployOptions& options) {
    json::object body;
    if (!options.version.empty()) body["version"] = options.version;
    if (options.switch_after) body["switch"] = true;
    if (!options.drain_timeout.empty()) {
        body["drain_timeout_ms"] = parse_duration(options.drain_timeout)->count();
    }
    if (options.hold) body["hold"] = true;
    if (!options.hold_max.empty()) body["hold_max_ms"] = parse_duration(options.hold_max)->count();
    json::object env;
    for (const std::string& pair : options.env) {
        const auto split = pair.find('=');
        env[pair.substr(0, split)] = pair.substr(split + 1);
    }
    if (!env.empty()) body["env"] = std::move(env);
    return json::serialize(body);
}

/// Ctrl-C: the daemon is asked to end the deploy, and what becomes of it is still followed.
bool ask_to_cancel(const Context& context, const DeployOptions& options, DeployStream& stream) {
    Client::Limits quick;
    quick.silence = std::chrono::milliseconds(5'000);
    const auto answer = Client(context.socket, quick)
                            .call("POST", path_of(options) + "/cancel", R"({"wait":false})");
    if (context.json) return answer.has_value();
    if (!answer) {
        stream.note(print_failure(answer.error(), context.screen));
        return false;
    }
    if (!answer->ok()) {
        stream.note(print_error(answer->json, context.screen));
    } else {
        stream.note("\n  Ctrl-C once more leaves the rest to the daemon.\n");
    }
    return true;
}

void follow(Context& context, const DeployOptions& options) {
    DeployStream stream(context, options.service);
    const Interrupts interrupts;
    bool asked = false;
    Client::Limits limits;
    limits.interrupt = interrupts.fd();
    // Who only looks on does not end what somebody else has begun.
    if (!options.attach) {
        limits.go_on = [&] {
            if (asked) return false;
            asked = true;
            interrupts.take();
            return ask_to_cancel(context, options, stream);
        };
    }
    limits.tick = [&stream] { stream.tick(); };
    const auto result = Client(context.socket, limits)
                            .stream(options.attach ? "GET" : "POST", path_of(options),
                                    options.attach ? "" : body_of(options),
                                    [&stream](std::string_view line, const json::value& event) {
                                        stream.line(line, event);
                                    });
    stream.end(result);
    // Who only looks on gets the deploy's own report of it.
    if (options.attach || !stream.ip_to_wait_for()) return;
    const auto wait = options.ip_wait.empty() ? kIpWait : *parse_duration(options.ip_wait);
    wait_for_ip(context, stream.epoch(), wait, stream.committed_at() + wait, interrupts.fd());
}

void cancel(Context& context, const DeployOptions& options) {
    const auto answer = ask(context, "POST", path_of(options) + "/cancel");
    if (!answer) return;
    const json::value& result = field(answer->json, "result");
    if (!flag(answer->json, "ended")) context.exit_code = kUnreachable;
    if (text(result, "outcome") == "switched") context.exit_code = kRefused;
    if (context.json) return;
    if (!flag(answer->json, "ended")) {
        context.out << "It is being cancelled, but what runs on the hosts has not ended yet.\n"
                       "  Follow it: switchyard deploy "
                    << printable(options.service) << " --attach\n";
    } else if (context.exit_code == kRefused) {
        context.err << print_deploy_done(result, context.screen);
    } else {
        context.out << print_deploy_failed(result, context.screen);
    }
}

std::string check_env(const std::string& text) {
    const auto split = text.find('=');
    if (split != std::string::npos && split > 0) return {};
    return "\"" + text + "\" is not NAME=VALUE";
}

std::string check_version(const std::string& text) {
    return text.empty() ? "the version is empty: was a variable not set?" : "";
}

/// CLI11's own exclusions would stand at each option of the help.
void refuse_mixture(const CLI::App& command, const DeployOptions& options) {
    if (!options.attach && !options.cancel) return;
    const std::string alone = options.attach ? "--attach" : "--cancel";
    for (const char* name : {"--attach", "--cancel", "--version", "--switch", "--env",
                             "--drain-timeout", "--ip-wait", "--hold", "--max"}) {
        if (name == alone || command.get_option(name)->count() == 0) continue;
        throw CLI::ValidationError(alone + " begins no deploy, so " + name +
                                   " can't be given with it");
    }
}

constexpr const char* kDeployFooter =
    "The release always goes to the idle slot: the configured command runs on each of its hosts\n"
    "over SSH, then every target has to be healthy, then it is warmed up. Nobody sees it until a\n"
    "switch. Whatever fails before that leaves the live slot alone; deploying again is safe.\n"
    "\n"
    "Examples:\n"
    "  switchyard deploy shop --version v42            to the idle slot; look at it, then switch\n"
    "  switchyard deploy shop --version v42 --switch   and make it live when it is ready\n"
    "  switchyard deploy shop --attach                 follow the one under way\n"
    "  switchyard deploy shop --cancel                 end the one under way\n"
    "\n"
    "Ctrl-C cancels the deploy (before the switch); a second one leaves the rest to the daemon.\n"
    "Nothing stops when this command is lost: see --attach.\n"
    "\n"
    "Exit codes: 0 deployed (and switched); 1 refused, failed or cancelled, the live slot was not\n"
    "touched; 2 usage; 3 cannot reach the daemon or outcome unknown; 4 switched, but not "
    "everything\n"
    "drained in time; 5 switched, but the reserved IP did not follow in time.";

}  // namespace

void add_deploy_command(CLI::App& app, Context& context) {
    auto options = std::make_shared<DeployOptions>();
    CLI::App* command =
        app.add_subcommand("deploy", "Bring a release to the idle slot, and switch to it if asked");
    command->add_option("SERVICE", options->service, "The service")->required()->type_name("");
    command
        ->add_option("--version", options->version,
                     "What is deployed, as status and history will\nshow it; also "
                     "$SWITCHYARD_VERSION of the command")
        ->type_name("V")
        ->check(CLI::Validator(check_version, "", "version"));
    command->add_flag("--switch", options->switch_after, "Make it live when it is ready");
    command->add_flag("--hold", options->hold,
                      "With --switch: let new requests wait until the\nswitch is made");
    command
        ->add_option(
            "--max", options->hold_max,
            "With --hold: how long they may have to; hold: wait\nof the service by default")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    command
        ->add_option("--env", options->env,
                     "A variable for the command and the hooks; may be\ngiven more than once")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false)
        ->check(CLI::Validator(check_env, "", "variable"));
    command
        ->add_option("--drain-timeout", options->drain_timeout,
                     "With --switch: how long requests in flight may\ntake before they are cut")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    command
        ->add_option(
            "--ip-wait", options->ip_wait,
            "With --switch: how long the reserved IP, if there\nis one, may take to follow; "
            "30s by default")
        ->type_name("T")
        ->check(CLI::Validator(check_duration, "", "duration"));
    command->add_flag(
        "--attach", options->attach,
        "Follow the deploy under way, or see the last one\nagain; with no other option");
    command->add_flag("--cancel", options->cancel,
                      "End the deploy under way; with no other option");
    add_common_options(*command, context);
    command->footer(kDeployFooter);
    command->callback([&context, command, options] {
        refuse_mixture(*command, *options);
        if (options->hold && !options->switch_after) {
            throw CLI::ValidationError("--hold goes with --switch only");
        }
        if (!options->hold_max.empty() && !options->hold) {
            throw CLI::ValidationError("--max goes with --hold only");
        }
        if (options->cancel) {
            cancel(context, *options);
        } else {
            follow(context, *options);
        }
    });
}

}  // namespace switchyard::admin
