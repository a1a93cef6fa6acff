#include "admin/commands/commands.hpp"
#include "admin/fields.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <memory>

#include <CLI/CLI.hpp>

namespace switchyard::admin {

namespace {

constexpr const char* kBegin =
    R"bash(# Completion for bash. Put this into ~/.bashrc:  source <(switchyard completion bash)
_switchyard() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words= position=0 i
    local -a at=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --socket) ((++i < COMP_CWORD)) && at=(--socket "${COMP_WORDS[i]}") ;;
            --if-epoch | --drain-timeout | --env | --for | --ip-wait | --wait | --limit | --version | --max | --idle-wait | --message | --retry-after) ((++i)) ;;
            -*) ;;
            *) if [[ -z $command ]]; then command=${COMP_WORDS[i]}; else ((++position)); fi ;;
        esac
    done
    COMPREPLY=()
    case $prev in
        --socket) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --if-epoch | --drain-timeout | --env | --for | --ip-wait | --wait | --limit | --version | --max | --idle-wait | --message | --retry-after) return ;;
    esac
    if [[ -z $command ]]; then
        words="@COMMANDS@"
    elif [[ $cur == -* ]]; then
        case $command in
@OPTIONS@        esac
    else
        case $command:$position in
@VALUES@        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _switchyard switchyard
)bash";

void replace(std::string& text, std::string_view what, const std::string& with) {
    text.replace(text.find(what), what.size(), with);
}

/// Made from the command line itself, so that it can't fall behind.
std::string bash_script(const CLI::App& app) {
    std::string commands;
    std::string options;
    std::string values;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (command->get_group().empty()) continue;
        const std::string& name = command->get_name();
        commands += (commands.empty() ? "" : " ") + name;
        std::string flags;
        for (const CLI::Option* option : command->get_options()) {
            if (option->get_group().empty()) continue;
            for (const std::string& flag : option->get_lnames())
                flags += " --" + flag;
            if (option->get_name() == "SERVICE") {
                values +=
                    "            " + name +
                    ":0) words=$(\"${COMP_WORDS[0]}\" __services \"${at[@]}\" 2>/dev/null) ;;\n";
            } else if (option->get_name() == "SLOT") {
                values += "            " + name + ":1) words=\"blue green\" ;;\n";
            } else if (option->get_name() == "STATE") {
                values += "            " + name + ":1) words=\"on off\" ;;\n";
            } else if (option->get_name() == "SHARE") {
                values += "            " + name + ":1) words=\"1% 5% 25% 50% off promote\" ;;\n";
            } else if (option->get_name() == "ACTION") {
                values += "            " + name + ":0) words=\"status sync\" ;;\n";
            } else if (option->get_name() == "SHELL") {
                values += "            " + name + ":0) words=bash ;;\n";
            }
        }
        options += "            " + name + ") words=\"" + flags.erase(0, 1) + "\" ;;\n";
    }
    std::string script = kBegin;
    replace(script, "@COMMANDS@", commands);
    replace(script, "@OPTIONS@", options);
    replace(script, "@VALUES@", values);
    return script;
}

std::string check_shell(const std::string& text) {
    return text == "bash" ? "" : "only bash is supported, not \"" + text + "\"";
}

/// The shell expands the words of a completion: nothing that means something to it may be offered.
bool harmless(std::string_view name) {
    return std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    });
}

/// The names of the services, for the shell; quick and silent if there is no daemon.
void services(Context& context) {
    Client::Limits quick;
    quick.connect = std::chrono::milliseconds(500);
    quick.silence = std::chrono::milliseconds(1000);
    const auto answer = Client(context.socket, quick).call("GET", "/v1/status");
    if (!answer || !answer->ok()) {
        context.exit_code = kUnreachable;
        return;
    }
    for (const json::value& service : list(answer->json, "services")) {
        if (const auto name = text(service, "name"); harmless(name)) context.out << name << "\n";
    }
}

}  // namespace

void add_completion_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand("completion", "Print the completion for a shell");
    auto shell = std::make_shared<std::string>();
    command->add_option("SHELL", *shell, "bash")
        ->required()
        ->type_name("")
        ->check(CLI::Validator(check_shell, "", "shell"));
    command->footer("Put this into ~/.bashrc:\n  source <(switchyard completion bash)");
    command->callback([&app, &context, shell] { context.out << bash_script(app); });

    CLI::App* hidden = app.add_subcommand("__services", "");
    hidden->group("");
    add_common_options(*hidden, context);
    hidden->callback([&context] { services(context); });
}

}  // namespace switchyard::admin
