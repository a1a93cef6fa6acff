#include "admin/print/history.hpp"

#include "admin/fields.hpp"
#include "admin/print/table.hpp"
#include "admin/print/time.hpp"

#include <algorithm>

namespace switchyard::admin {

namespace {

std::string shown(const json::value& from, std::string_view key) {
    return printable(text(from, key));
}

Paint paint_of_outcome(std::string_view outcome) {
    if (outcome == "drained" || outcome == "committed") return Paint::green;
    return outcome == "refused" || outcome == "cut" ? Paint::red : Paint::yellow;
}

/// What is worth a remark: the reason of a refusal, or what the drain left.
std::string remark(const json::value& entry) {
    std::string out = shown(entry, "detail");
    const json::value& receipt = field(entry, "receipt");
    if (out.empty() && integer(receipt, "cut") > 0) {
        out = std::to_string(integer(receipt, "cut")) + " cut";
    }
    return out;
}

}  // namespace

std::string print_history(const json::value& history, const Screen& screen) {
    const json::array& entries = list(history, "entries");
    if (entries.empty()) return "Nothing happened yet.\n";
    Table table("lllllrll");
    table.add({{"WHEN (UTC)", Paint::dim},
               {"SERVICE", Paint::dim},
               {"ACTION", Paint::dim},
               {"BY", Paint::dim},
               {"TO", Paint::dim},
               {"EPOCH", Paint::dim},
               {"OUTCOME", Paint::dim},
               {"", Paint::dim}});
    std::size_t used = 19 + 9 * 2;  // The time, and the space between columns.
    std::size_t widest[5] = {7, 6, 2, 5, 7};
    for (const json::value& entry : entries) {
        std::string when = format_time(text(entry, "at"));
        if (when.ends_with(" UTC")) when.resize(when.size() - 4);
        std::string by = shown(entry, "user");
        if (by.empty()) by = "uid " + std::to_string(integer(entry, "uid"));
        const std::string service = shown(entry, "service");
        const std::string to = shown(entry, "to");
        const std::string outcome = shown(entry, "outcome");
        const std::string action = shown(entry, "action");
        const std::string* cells[] = {&service, &action, &by, &to, &outcome};
        for (std::size_t i = 0; i < 5; ++i)
            widest[i] = std::max(widest[i], width_of(*cells[i]));
        table.add({{when},
                   {service.empty() ? "-" : service, Paint::bold},
                   {action},
                   {by},
                   {to.empty() ? "-" : to, paint_of_slot(to)},
                   {std::to_string(integer(entry, "epoch"))},
                   {outcome, paint_of_outcome(outcome)},
                   {remark(entry), Paint::dim}});
    }
    for (const std::size_t width : widest)
        used += width;
    table.limit(7, screen.columns > used + 12 ? screen.columns - used : 12);
    return table.text(screen);
}

}  // namespace switchyard::admin
