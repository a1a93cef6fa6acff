#include "admin/command_line.hpp"

#include "admin/commands/commands.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>

#include <CLI/CLI.hpp>

namespace switchyard::admin {

namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  switchyard status                 what is live, on one screen\n"
    "  switchyard deploy shop            bring a release to the idle slot\n"
    "  switchyard preview shop           a link to look at it there\n"
    "  switchyard switch shop --plan     what a switch would do, and what speaks against it\n"
    "  switchyard canary shop 5%         send a share of the clients there first\n"
    "  switchyard switch shop            make the idle slot live\n"
    "  switchyard rollback shop          and back again\n"
    "\n"
    "switchyard COMMAND --help explains each command. The daemon, switchyardd, is reached by its\n"
    "socket: --socket PATH, else $SWITCHYARD_SOCKET, else /run/switchyard/admin.sock.\n"
    "\n"
    "Exit codes: 0 done; 1 refused or failed, nothing changed; 2 usage; 3 cannot reach the "
    "daemon;\n"
    "4 switched, but not everything drained in time; 5 switched, but the reserved IP did not "
    "follow.";

std::string default_socket() {
    const char* named = std::getenv("SWITCHYARD_SOCKET");
    return named != nullptr && *named != '\0' ? named : "/run/switchyard/admin.sock";
}

void name_group(CLI::App& app) {
    for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
        if (!command->get_group().empty()) command->group("Commands");
    }
}

int usage_error(const CLI::App& app, const CLI::ParseError& error, std::ostream& err) {
    std::string command = "switchyard";
    for (const CLI::App* used : app.get_subcommands())
        command += " " + used->get_name();
    std::string message = error.what();
    const auto unknown = app.remaining();
    if (app.get_subcommands().empty() && !unknown.empty() && !unknown.front().starts_with('-')) {
        message = "There is no command \"" + unknown.front() + "\".";
    }
    err << "switchyard: " << printable(message) << "\n  See: " << command << " --help\n";
    return kUsage;
}

}  // namespace

int run(std::vector<std::string> arguments, std::ostream& out, std::ostream& err,
        const Screen& screen) {
    Context context(out, err, screen);
    context.socket = default_socket();

    CLI::App app("Switchyard: makes one of two slots, blue or green, of a web application live.",
                 "switchyard");
    app.set_version_flag("--version", "switchyard " SWITCHYARD_VERSION, "Print the version");
    app.set_help_flag("-h,--help", "Print this help");
    app.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app.get_formatter()->label("Positionals", "Arguments");
    app.get_formatter()->label("REQUIRED", "");
    app.get_formatter()->column_width(26);
    app.footer(kFooter);
    add_common_options(app, context);
    add_status_command(app, context);
    add_deploy_command(app, context);
    add_preview_command(app, context);
    add_change_commands(app, context);
    add_canary_command(app, context);
    add_hold_commands(app, context);
    add_history_command(app, context);
    add_events_command(app, context);
    add_ip_command(app, context);
    add_daemon_commands(app, context);
    add_completion_command(app, context);
    name_group(app);
    app.require_subcommand(0, 1);

    try {
        std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back.
        app.parse(arguments);
        if (app.get_subcommands().empty()) {
            err << app.help();
            return kUsage;
        }
        return context.exit_code;
    } catch (const CLI::Success& request) {  // --help, --version
        return app.exit(request, out, err);
    } catch (const CLI::ParseError& error) {
        return usage_error(app, error, err);
    } catch (const std::exception& error) {
        err << "switchyard: " << error.what() << "\n  This is a bug. See: switchyard status\n";
        return kUnreachable;  // What was asked of the daemon may have been done.
    }
}

}  // namespace switchyard::admin
