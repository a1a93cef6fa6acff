#include "admin/print/error.hpp"

#include "admin/fields.hpp"
#include "admin/print/line.hpp"
#include "admin/print/status.hpp"
#include "admin/print/table.hpp"
#include "admin/print/time.hpp"

#include <chrono>
#include <string_view>

#include <boost/json/serialize.hpp>

namespace switchyard::admin {

namespace {

constexpr std::size_t kMostProblems = 15;

std::string message_and_hint(const std::string& message, const std::string& details,
                             const std::string& hint, const Screen& screen) {
    std::string out = painted(screen, Paint::red, "switchyard:") + " " + message + "\n" + details;
    return hint.empty() ? out : out + "  " + hint + "\n";
}

std::string targets(const json::array& items, const Screen& screen) {
    Table table("lll", "  ");
    for (const json::value& target : items) {
        const std::string state = shown(target, "state");
        table.add({{shown(target, "address")},
                   {state, paint_of_health(state)},
                   {printable(reason_of(target))}});
    }
    return table.text(screen);
}

std::string problems(const json::array& items) {
    std::string out;
    std::size_t count = 0;
    for (const json::value& problem : items) {
        if (count++ == kMostProblems) {
            out += "  and " + std::to_string(items.size() - kMostProblems) + " more\n";
            break;
        }
        out += "  " + shown(problem, "file");
        if (const auto line = integer(problem, "line"); line > 0) {
            out += ":" + std::to_string(line) + ":" + std::to_string(integer(problem, "column"));
        }
        out += ": " + shown(problem, "message") + "\n";
    }
    return out;
}

/// Who it is stands in the message; this is how long they have been at it.
std::string holder(const json::value& details) {
    if (find(details, "for_ms") == nullptr) return {};
    const auto span = [&details](std::string_view key) {
        return format_span(std::chrono::milliseconds(integer(details, key)));
    };
    std::string out = "  Under way for " + span("for_ms");
    if (!text(details, "stage").empty()) {
        out += ", in the stage " + shown(details, "stage") + " for " + span("stage_for_ms");
    }
    return out + ".\n";
}

}  // namespace

std::string error_code(const json::value& answer) {
    return text(field(answer, "error"), "code");
}

std::string print_error(const json::value& answer, const Screen& screen) {
    const json::value& error = field(answer, "error");
    const json::value& facts = field(error, "details");
    const std::string code = text(error, "code");
    std::string message = shown(error, "message");
    if (message.empty()) message = "The daemon refused, but gave no reason.";
    std::string details;
    if (code == "unhealthy_target") details = targets(list(facts, "targets"), screen);
    if (code == "invalid_config") details = problems(list(facts, "problems"));
    if (code == "busy") details = holder(facts);
    return message_and_hint(message, details, shown(error, "hint"), screen);
}

std::string print_failure(const Failure& failure, const Screen& screen) {
    return message_and_hint(printable(failure.message), "", printable(failure.hint), screen);
}

std::string failure_as_json(const Failure& failure, const std::string& socket) {
    std::string code = "unreachable";
    if (failure.kind == Failure::Kind::broken) code = "connection_lost";
    if (failure.kind == Failure::Kind::silent) code = "timeout";
    if (failure.kind == Failure::Kind::interrupted) code = "interrupted";
    if (failure.kind == Failure::Kind::garbage) code = "not_switchyard";
    return json::serialize(
        json::object{{"error", json::object{{"code", code},
                                            {"message", failure.message},
                                            {"hint", failure.hint},
                                            {"details", json::object{{"socket", socket}}}}}});
}

}  // namespace switchyard::admin
