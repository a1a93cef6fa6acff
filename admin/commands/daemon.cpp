#include "admin/commands/commands.hpp"
#include "admin/fields.hpp"

#include <CLI/CLI.hpp>

namespace switchyard::admin {

namespace {

void lines(Context& context, const json::array& items, std::string_view prefix, Paint paint) {
    for (const json::value& item : items) {
        if (!item.is_string()) continue;
        context.out << "  "
                    << painted(context.screen, paint,
                               std::string(prefix) + printable(item.get_string()))
                    << "\n";
    }
}

void reload(Context& context) {
    const auto answer = ask(context, "POST", "/v1/reload");
    if (!answer || context.json) return;
    const json::array& changes = list(answer->json, "changes");
    context.out << printable(text(answer->json, "config_file"))
                << (changes.empty() ? ": read again, nothing new.\n" : ": in force.\n");
    lines(context, changes, "", Paint::none);
    lines(context, list(answer->json, "warnings"), "note: ", Paint::yellow);
}

void version(Context& context) {
    if (!context.json) context.out << "switchyard   " SWITCHYARD_VERSION << std::endl;
    const auto answer = ask(context, "GET", "/v1/version");
    if (!answer || context.json) return;
    context.out << "switchyardd  " << printable(text(answer->json, "version")) << "  ("
                << context.socket << ")\n";
}

}  // namespace

void add_daemon_commands(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("reload", "Read the configuration again; connections survive it");
    add_common_options(*command, context);
    command->footer("An invalid configuration is refused with its problems; the old one stays.");
    command->callback([&context] { reload(context); });

    command = app.add_subcommand("version", "The versions of this command and of the daemon");
    add_common_options(*command, context);
    command->callback([&context] { version(context); });
}

}  // namespace switchyard::admin
