#include "admin/print/change.hpp"

#include "admin/fields.hpp"
#include "admin/print/line.hpp"
#include "admin/print/release.hpp"
#include "admin/print/time.hpp"

#include <chrono>

namespace switchyard::admin {

namespace {

using std::chrono::microseconds;

std::string slot_and_name(const json::value& event, std::string_view key) {
    const std::string slot = shown(event, key);
    const std::string name = shown(event, std::string(key) + "_name");
    return name.empty() || name == slot ? slot : slot + " (" + name + ")";
}

std::string way_back(const json::value& committed) {
    return row("way back", "switchyard rollback " + shown(committed, "service"));
}

std::string micros(const json::value& event, std::string_view key) {
    return format_micros(microseconds(integer(event, key)));
}

std::string instant(const json::value& event, std::string_view key) {
    const std::string at = text(event, key);
    return at.empty() ? "none" : format_time(at, true);
}

/// What became of WebSockets and the like; empty if there were none.
std::string tunnels_row(const json::value& drained, const Screen& screen) {
    const json::value& tunnels = field(drained, "tunnels");
    if (!tunnels.is_object()) return {};
    const std::int64_t ended = integer(tunnels, "ended");
    const std::int64_t closed = integer(tunnels, "closed");
    const std::int64_t cut = integer(tunnels, "cut");
    const std::int64_t remaining = integer(tunnels, "remaining");
    if (ended + closed + cut + remaining == 0) return {};
    std::string out = std::to_string(ended) + " ended, " + std::to_string(closed) + " closed, " +
                      std::to_string(cut) + " cut";
    if (remaining != 0 && text(tunnels, "policy") == "keep") {
        out += ", " + painted(screen, Paint::yellow,
                              std::to_string(remaining) + " kept on " + shown(drained, "slot"));
    } else if (remaining != 0) {
        out += ", " + std::to_string(remaining) + " still open";
    }
    return row("tunnels", out);
}

std::string went_on(std::int64_t requests, const json::value& drained) {
    const std::int64_t tunnels = integer(field(drained, "tunnels"), "remaining");
    if (tunnels == 0) return counted(requests, "request");
    return (requests == 0 ? "" : counted(requests, "request") + " and ") +
           counted(tunnels, "tunnel");
}

}  // namespace

std::string print_committed(const json::value& event, const Screen& screen) {
    const std::string to = shown(event, "to");
    std::string out = painted(screen, Paint::bold, shown(event, "service")) + ": " +
                      painted(screen, paint_of_slot(to), slot_and_name(event, "to")) +
                      " is live, " + slot_and_name(event, "from") + " is idle";
    if (text(event, "action") == "rollback") out += " (rolled back)";
    if (text(event, "action") == "promote") out += " (promoted)";
    out += "\n";
    if (flag(event, "forced")) {
        out += row("forced", painted(screen, Paint::yellow, to + " was not healthy"));
    }
    if (const auto release = release_name(field(event, "to_release")); !release.empty()) {
        const auto former = release_name(field(event, "from_release"));
        out += row("release", release + (former.empty() ? "" : "; before: " + former));
    }
    if (const auto share = shown(event, "canary_ended"); !share.empty()) {
        out += row("canary", "ended with this switch, at " + share);
    }
    out += row("epoch", std::to_string(integer(event, "epoch")));
    out += row("committed",
               instant(event, "at") + ", " + micros(event, "total_us") + " after the command");
    out += row("", "durable " + micros(event, "durable_us") + ", visible " +
                       micros(event, "visible_us") + ", acknowledged " +
                       micros(event, "acknowledged_us"));
    if (find(event, "held") != nullptr) {
        out +=
            row("HELD", painted(screen, Paint::yellow,
                                counted(integer(event, "held"), "request") +
                                    " waiting for: switchyard release " + shown(event, "service")));
    }
    const json::value& ip = field(event, "reserved_ip");
    if (ip.is_object()) {
        const std::string state = shown(ip, "state");
        out += row("reserved IP", shown(ip, "address") + (state.empty() ? "" : ", " + state));
    }
    return out;
}

std::string print_draining(const json::value& event) {
    const std::int64_t tunnels = integer(event, "tunnels");
    return "  draining " + shown(event, "slot") + ": " +
           std::to_string(integer(event, "in_flight")) + " in flight, " +
           (tunnels == 0 ? "" : counted(tunnels, "tunnel") + ", ") + millis(event, "elapsed_ms") +
           " of " + millis(event, "timeout_ms");
}

std::string print_drained(const json::value& event, const json::value& committed,
                          const Screen& screen) {
    std::string out = row("last on old", instant(event, "last_on_old"));
    out += row("first on new", instant(event, "first_on_new"));
    const std::int64_t cut = integer(event, "cut");
    const std::int64_t remaining = integer(event, "remaining");
    out += row("drained", std::to_string(integer(event, "completed")) + " completed, " +
                              std::to_string(cut) + " cut, in " + millis(event, "elapsed_ms"));
    out += tunnels_row(event, screen);
    const std::string old = shown(event, "slot");
    if (flag(event, "cancelled")) {
        out += row("NOT DRAINED",
                   painted(screen, Paint::yellow,
                           "a later change or a failover put " + old + " back to work; " +
                               went_on(remaining, event) + " went on there"));
        return out;
    }
    if (cut > 0) {
        out += row("NOT DRAINED",
                   painted(screen, Paint::red,
                           counted(cut, "request") + (cut == 1 ? " was" : " were") +
                               " cut at the deadline of " + millis(event, "timeout_ms")));
    }
    if (remaining > 0) {
        out += row("NOT DRAINED",
                   painted(screen, Paint::red,
                           counted(remaining, "request") + " still in flight on " + old));
    }
    const json::value& tunnels = field(event, "tunnels");
    if (const auto open = integer(tunnels, "remaining");
        open > 0 && text(tunnels, "policy") != "keep") {
        out += row("NOT DRAINED",
                   painted(screen, Paint::red, counted(open, "tunnel") + " still open on " + old));
    }
    return out + way_back(committed);
}

std::string print_not_waited(const json::value& committed, const Screen&) {
    const std::int64_t tunnels = integer(committed, "tunnels_on_old");
    return row("draining", std::to_string(integer(committed, "in_flight_on_old")) + " in flight" +
                               (tunnels == 0 ? "" : " and " + counted(tunnels, "tunnel")) + " on " +
                               shown(committed, "from") + ", at most " +
                               millis(committed, "drain_timeout_ms") + "; see switchyard status") +
           way_back(committed);
}

}  // namespace switchyard::admin
