#include "admin/fields.hpp"
#include "admin/print/change.hpp"
#include "admin/print/error.hpp"
#include "admin/print/line.hpp"
#include "admin/print/release.hpp"
#include "admin/print/status.hpp"
#include "admin/print/table.hpp"
#include "admin/print/time.hpp"

#include <chrono>

namespace switchyard::admin {

namespace {}  // namespace

std::string print_plan(const json::value& plan, const Screen& screen) {
    const std::string from = shown(plan, "from");
    const std::string to = shown(plan, "to");
    const bool allowed = flag(plan, "allowed");
    std::string out = painted(screen, Paint::bold, shown(plan, "service")) + ": ";
    if (!to.empty()) {
        const auto with_release = [&](const std::string& slot, std::string_view key) {
            const std::string release = release_name(field(plan, key));
            return painted(screen, paint_of_slot(slot), slot) +
                   (release.empty() ? "" : " (" + release + ")");
        };
        out += shown(plan, "action") + " from " + with_release(from, "from_release") + " to " +
               with_release(to, "to_release") + ", epoch " +
               std::to_string(integer(plan, "epoch")) + " to " +
               std::to_string(integer(plan, "epoch_after")) + "; ";
    }
    out += allowed ? painted(screen, Paint::green, "would be done")
                   : painted(screen, Paint::red, "would be refused");
    out += flag(plan, "forced") ? " (only because of --force)\n" : "\n";
    for (const json::value& refusal : list(plan, "refusals")) {
        out += "  " + elided(shown(refusal, "message"), screen.columns - 2) + "\n";
        if (const auto hint = shown(refusal, "hint"); !hint.empty()) out += "    " + hint + "\n";
    }
    Table targets("llll", "  ");
    for (const json::value& target : list(plan, "targets")) {
        const std::string state = shown(target, "state");
        targets.add({{to},
                     {shown(target, "address")},
                     {state, paint_of_health(state)},
                     {state == "healthy" ? "" : printable(reason_of(target))}});
    }
    out += targets.text(screen);
    if (!to.empty()) {
        out += "  " + counted(integer(plan, "in_flight_on_old"), "request") + " in flight on " +
               from + ", which may take " +
               format_span(std::chrono::milliseconds(integer(plan, "drain_timeout_ms"))) +
               " to end\n";
        if (const auto tunnels = integer(plan, "tunnels_on_old"); tunnels != 0) {
            const std::string policy = shown(plan, "tunnels_policy");
            out += "  " + counted(tunnels, "tunnel") + " on " + from;
            if (policy == "keep") out += ", which may stay there\n";
            if (policy == "close") out += ": WebSockets will be told to go away, others are cut\n";
            if (policy == "cut") out += ", to be cut when that time is over\n";
        }
    }
    return out + "Nothing was changed.\n";
}

}  // namespace switchyard::admin
