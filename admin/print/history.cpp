#include "admin/print/history.hpp"

#include "admin/fields.hpp"
#include "admin/print/line.hpp"
#include "admin/print/table.hpp"
#include "admin/print/time.hpp"

#include <chrono>

namespace switchyard::admin {

namespace {

constexpr std::size_t kRemarkBeside = 40;  // Columns, when it has no line of its own.

Paint paint_of_outcome(std::string_view outcome) {
    for (const char* good :
         {"drained", "committed", "done", "deployed", "switched", "released", "returned"}) {
        if (outcome == good) return Paint::green;
    }
    for (const char* bad : {"refused", "cut", "failed"}) {
        if (outcome == bad) return Paint::red;
    }
    return Paint::yellow;
}

/// What is worth a remark: the reason of a refusal, or what the drain left.
std::string remark(const json::value& entry) {
    std::string out = shown(entry, "detail");
    const std::string unwritten = shown(entry, "unwritten");
    if (!unwritten.empty()) {
        out = "Not in the state file yet (" + unwritten + ")" + (out.empty() ? "" : ". ") + out;
    }
    const json::value& receipt = field(entry, "receipt");
    if (text(entry, "action") == "failover" && receipt.is_object()) {
        out = counted(integer(receipt, "requests"), "request") + " and " +
              counted(integer(receipt, "errors"), "error") + " in " +
              format_span(std::chrono::milliseconds(integer(receipt, "elapsed_ms"))) +
              (out.empty() ? "" : ". " + out);
    }
    if (out.empty() && integer(receipt, "cut") > 0) {
        out = std::to_string(integer(receipt, "cut")) + " cut";
    }
    if (flag(receipt, "forced")) {
        out =
            "forced: " + shown(entry, "to") + " was not healthy" + (out.empty() ? "" : ". " + out);
    }
    return out;
}

}  // namespace

std::string print_history(const json::value& history, const Screen& screen) {
    const json::array& entries = list(history, "entries");
    if (entries.empty()) return "Nothing happened yet.\n";
    // A remark stands below its entry, unless that would be more than a screen.
    std::size_t lines = entries.size() + 2;
    for (const json::value& entry : entries)
        lines += remark(entry).empty() ? 0 : 1;
    const bool below = lines <= screen.rows;
    Table table("lllllrll");
    table.add({{"WHEN (UTC)", Paint::dim},
               {"SERVICE", Paint::dim},
               {"ACTION", Paint::dim},
               {"BY", Paint::dim},
               {"TO", Paint::dim},
               {"EPOCH", Paint::dim},
               {"OUTCOME", Paint::dim},
               {"", Paint::dim}});
    for (const json::value& entry : entries) {
        std::string when = format_time(text(entry, "at"));
        if (when.ends_with(" UTC")) when.resize(when.size() - 4);
        std::string by = shown(entry, "user");
        if (by.empty()) by = "uid " + std::to_string(integer(entry, "uid"));
        const std::string service = shown(entry, "service");
        const std::string to = shown(entry, "to");
        const std::string version = shown(entry, "version");
        const std::string outcome = shown(entry, "outcome");
        const std::string note = remark(entry);
        const bool unwritten = !text(entry, "unwritten").empty();
        table.add(
            {{when},
             {service.empty() ? "-" : service, Paint::bold},
             {shown(entry, "action")},
             {by},
             {(to.empty() ? "-" : to) + (version.empty() ? "" : " " + version), paint_of_slot(to)},
             {std::to_string(integer(entry, "epoch"))},
             {outcome + (unwritten ? "*" : ""), paint_of_outcome(outcome)},
             {below ? "" : note, Paint::dim}});
        if (below && !note.empty()) {
            // What became of an interrupted deploy stands at the end of its text.
            const std::size_t most = outcome == "interrupted" || unwritten ? 4 : 1;
            for (const std::string& line : wrapped(note, screen.columns - 2, most))
                table.note(painted(screen, Paint::dim, "  " + line));
        }
    }
    if (!below) table.limit(7, kRemarkBeside);
    return table.text(screen);
}

}  // namespace switchyard::admin
