#include "admin/context.hpp"

#include "admin/print/error.hpp"

#include <CLI/CLI.hpp>

namespace switchyard::admin {

void add_common_options(CLI::App& command, Context& context) {
    command.add_flag("--json", context.json, "Print the daemon's JSON unchanged");
    command
        .add_option("--socket", context.socket,
                    "The daemon's admin socket (else $SWITCHYARD_SOCKET,\n"
                    "else /run/switchyard/admin.sock)")
        ->type_name("PATH");
}

void print_json(Context& context, std::string_view json) {
    context.out << json;
    if (!json.ends_with('\n')) context.out << '\n';
    context.out.flush();
}

void report(Context& context, const Failure& failure) {
    context.exit_code = kUnreachable;
    if (context.json) {
        print_json(context, failure_as_json(failure, context.socket));
    } else {
        context.err << print_failure(failure, context.screen);
    }
}

void report_refusal(Context& context, const Answer& answer) {
    context.exit_code = error_code(answer.json) == "not_acknowledged" ? kNotDrained : kRefused;
    if (context.json) {
        print_json(context, answer.body);
    } else {
        context.err << print_error(answer.json, context.screen);
    }
}

std::optional<Answer> ask(Context& context, std::string_view method, const std::string& target,
                          std::string_view body) {
    auto answer = context.client().call(method, target, body);
    if (!answer) {
        report(context, answer.error());
        return std::nullopt;
    }
    if (!answer->ok()) {
        report_refusal(context, *answer);
        return std::nullopt;
    }
    if (context.json) print_json(context, answer->body);
    return std::move(*answer);
}

}  // namespace switchyard::admin
