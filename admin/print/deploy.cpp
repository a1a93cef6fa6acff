#include "admin/print/deploy.hpp"

#include "admin/fields.hpp"
#include "admin/print/line.hpp"
#include "admin/print/release.hpp"
#include "admin/print/time.hpp"

#include <algorithm>

namespace switchyard::admin {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostOutput = 15;

/// What a stage is called on a screen.
std::string label_of(const json::value& event) {
    std::string stage = shown(event, "stage");
    std::replace(stage.begin(), stage.end(), '_', ' ');
    return stage;
}

std::string other_slot(const std::string& slot) {
    return slot == "blue" ? "green" : "blue";
}

}  // namespace

std::string print_deploy_begun(const json::value& event, const Screen& screen) {
    const std::string slot = shown(event, "slot");
    std::string hosts;
    for (const json::value& host : list(event, "hosts")) {
        if (!host.is_string()) continue;
        hosts += (hosts.empty() ? "" : ", ") + printable(host.get_string());
    }
    std::string out = painted(screen, Paint::bold, shown(event, "service")) + ": deploying " +
                      version_name(event, "version") + " to " +
                      painted(screen, paint_of_slot(slot), slot);
    if (!hosts.empty()) out += " (" + hosts + ")";
    if (flag(event, "switch")) out += ", then switching to it";
    return out + "\n";
}

std::string print_stage_running(const json::value& begun, milliseconds elapsed,
                                const std::string& remark) {
    std::string value = format_span(elapsed);
    if (const auto limit = integer(begun, "limit_ms"); limit > 0) {
        value += ", at most " + format_span(milliseconds(limit));
    }
    if (!remark.empty()) value += ": " + printable(remark);
    std::string out = row(label_of(begun), value);
    out.pop_back();
    return out;
}

std::string print_stage_ended(const json::value& event, const Screen& screen) {
    const std::string outcome = shown(event, "outcome");
    std::string value;
    Paint paint = Paint::none;
    if (outcome == "done") {
        value = millis(event, "elapsed_ms");
    } else {
        paint = outcome == "failed" ? Paint::red : Paint::yellow;
        value = outcome == "failed" ? "FAILED" : outcome;
        if (outcome != "skipped") value += " after " + millis(event, "elapsed_ms");
    }
    const std::string message = shown(event, "message");
    // Why it failed stands in the result.
    if (!message.empty() && (outcome == "done" || outcome == "skipped")) value += "  " + message;
    return row(label_of(event), painted(screen, paint, value));
}

std::string print_output(const json::value& output, const Screen& screen) {
    return "  " + painted(screen, Paint::dim, shown(output, "host") + " | ") +
           shown(output, "line") + "\n";
}

std::string print_deploy_done(const json::value& result, const Screen& screen) {
    const std::string slot = shown(result, "slot");
    const std::string service = shown(result, "service");
    const std::string version = version_name(result, "version");
    std::string out;
    if (text(result, "outcome") == "deployed") {
        out = painted(screen, Paint::bold, service) + ": " + version + " is on " +
              painted(screen, paint_of_slot(slot), slot) + " and healthy; " + other_slot(slot) +
              " is still live\n" + row("took", millis(result, "elapsed_ms")) +
              row("make it live", "switchyard switch " + service);
    } else {
        out = row("deployed", version + " to " + slot + ", in " + millis(result, "elapsed_ms"));
    }
    if (flag(result, "cancelled_too_late")) {
        out += row("TOO LATE", painted(screen, Paint::yellow,
                                       "the cancellation came after the switch; nothing was taken "
                                       "back"));
    }
    if (const auto message = shown(result, "message"); !message.empty()) {
        out += row("note", painted(screen, Paint::yellow, message));
    }
    if (find(result, "history_written") != nullptr && !flag(result, "history_written")) {
        out += row("note",
                   painted(screen, Paint::yellow,
                           "the end is not in the state file yet; it is tried again until it is "
                           "(switchyard history)"));
    }
    return out;
}

std::string print_deploy_failed(const json::value& result, const Screen& screen) {
    const std::string slot = shown(result, "slot");
    const std::string outcome = shown(result, "outcome");
    std::string out = painted(screen, Paint::red, "switchyard:") + " The deploy of " +
                      version_name(result, "version") + " to " + slot +
                      (outcome == "failed" ? " failed" : " was " + outcome) + " in the stage " +
                      label_of(result) + ".\n";
    if (const auto message = shown(result, "message"); !message.empty()) {
        out += "  " + message + "\n";
    }
    const json::array& tail = list(result, "output_tail");
    const std::size_t skipped = tail.size() > kMostOutput ? tail.size() - kMostOutput : 0;
    if (!tail.empty()) out += "  The last output:\n";
    for (std::size_t i = skipped; i < tail.size(); ++i)
        out += "  " + print_output(tail[i], screen);
    if (flag(result, "may_still_run")) {
        out += painted(screen, Paint::yellow,
                       "  It could not be seen to end: it may still run on the host.") +
               "\n";
    }
    if (!flag(result, "committed")) {
        out += "  The live slot, " + other_slot(slot) + ", was not touched.\n";
    }
    if (const auto hint = shown(result, "hint"); !hint.empty()) out += "  " + hint + "\n";
    return out;
}

}  // namespace switchyard::admin
