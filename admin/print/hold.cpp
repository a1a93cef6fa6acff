#include "admin/print/hold.hpp"

#include "admin/fields.hpp"
#include "admin/print/line.hpp"
#include "admin/print/time.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace switchyard::admin {

namespace {

std::string memory(std::int64_t bytes) {
    std::array<char, 32> out{};
    if (bytes < 1024 * 1024) return std::to_string((bytes + 1023) / 1024) + " KiB";
    std::snprintf(out.data(), out.size(), "%.1f MiB", static_cast<double>(bytes) / (1024 * 1024));
    return out.data();
}

/// "312 requests wait, oldest 11.8 s, 1.2 MiB"
std::string waiting(const json::value& from) {
    const std::int64_t held = integer(from, "held");
    if (held == 0) return "nobody waits";
    return counted(held, "request") + (held == 1 ? " waits" : " wait") + ", oldest " +
           millis(from, "oldest_ms") + ", " + memory(integer(from, "bytes"));
}

/// "; turned away: 3 (no room), 1 (waited too long)"; empty: nobody was.
std::string turned_away(const json::value& from) {
    std::string out;
    const auto add = [&](std::string_view key, std::string_view why) {
        const std::int64_t count = integer(from, key);
        if (count == 0) return;
        out += (out.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(why);
    };
    add("full", "found no room");
    add("timed_out", "waited too long");
    add("cut", "waited in vain");
    return out;
}

std::string why(const json::value& event) {
    const std::string reason = text(event, "reason");
    if (reason == "expired") return "released by itself: its time was up";
    if (reason == "maintenance") return "ended by maintenance";
    if (reason == "removed") return "ended: a reload took the service away";
    if (reason == "stopped") return "released: the daemon stops";
    if (reason == "failed") return "released: the change came to nothing";
    return "released by " + by(event);
}

}  // namespace

bool all_went_on(const json::value& event) {
    const std::string reason = text(event, "reason");
    return (reason == "released" || reason == "switched") && integer(event, "full") == 0 &&
           integer(event, "timed_out") == 0 && integer(event, "cut") == 0;
}

std::string print_held(const json::value& event, const Screen& screen) {
    const std::string service = shown(event, "service");
    std::string out = painted(screen, Paint::bold, service) + ": " +
                      painted(screen, Paint::yellow, "HELD") +
                      (flag(event, "extended") ? " on" : "") + ", new requests wait\n";
    const std::int64_t in_flight = integer(event, "in_flight");
    out += row("in flight", in_flight == 0
                                ? std::string("nothing")
                                : std::to_string(in_flight) + " from before the hold; wait for " +
                                      (in_flight == 1 ? "it" : "them") + " before you migrate");
    if (const auto tunnels = integer(event, "tunnels"); tunnels != 0) {
        out += row("tunnels", counted(tunnels, "WebSocket") + " (or other upgrades) " +
                                  (tunnels == 1 ? "goes" : "go") + " on: a hold leaves them alone");
    }
    out += row("ends", "by itself in " + millis(event, "remaining_ms") + " (" +
                           format_time(text(event, "deadline")) + "), to " +
                           (text(event, "live").empty() ? "nobody" : shown(event, "live")));
    out += row("release", "switchyard release " + service);
    return out;
}

std::string print_holding(const json::value& event) {
    std::string out = "  holding: " + waiting(event);
    if (const auto in_flight = integer(event, "in_flight"); in_flight != 0) {
        out += "; " + std::to_string(in_flight) + " still in flight";
    }
    if (const std::string away = turned_away(event); !away.empty()) out += "; 503: " + away;
    return out + "; ends in " + millis(event, "remaining_ms");
}

std::string print_released(const json::value& event, const Screen& screen) {
    const bool good = all_went_on(event);
    std::string out = painted(screen, Paint::bold, shown(event, "service")) + ": " +
                      painted(screen, good ? Paint::green : Paint::yellow, why(event)) + " after " +
                      millis(event, "elapsed_ms") + "\n";
    const std::string live = shown(event, "live");
    const std::int64_t released = integer(event, "released");
    out += row(
        "went on",
        counted(released, "request") + (live.empty() ? "" : ", to " + live) +
            (released == 0 ? std::string() : ", longest wait " + millis(event, "longest_wait_ms")));
    if (const auto left = integer(event, "left"); left != 0) {
        out += row("left", counted(left, "client") + " did not wait");
    }
    if (const std::string away = turned_away(event); !away.empty()) {
        out += row("TURNED AWAY", painted(screen, Paint::red, away + " (503)"));
    }
    if (const auto remaining = integer(event, "remaining"); remaining != 0) {
        out += row("WAITING", painted(screen, Paint::red,
                                      counted(remaining, "request") + " did not go on yet"));
    }
    return out;
}

std::string print_switch_hold(const json::value& event, const Screen& screen) {
    const std::int64_t total = integer(event, "total");
    std::string text = counted(total, "request") + " for " + millis(event, "elapsed_ms");
    if (total != 0) {
        text += ", " + std::to_string(integer(event, "released")) + " went on to " +
                shown(event, "live") + ", longest wait " + millis(event, "longest_wait_ms");
    }
    std::string out = row("held", text);
    if (const std::string away = turned_away(event); !away.empty()) {
        out += row("TURNED AWAY", painted(screen, Paint::red, away + " (503)"));
    }
    return out;
}

std::string hold_line(const json::value& service, const std::string& now) {
    const json::value& hold = field(service, "hold");
    if (!hold.is_object()) return {};
    std::string out = "  HELD for " + format_since(text(hold, "since"), now) + " by " + by(hold) +
                      ": " + waiting(hold);
    if (const std::string away = turned_away(hold); !away.empty()) out += "; 503: " + away;
    return out + "; ends in " + format_since(now, text(hold, "deadline"));
}

std::string maintenance_line(const json::value& service, const std::string& now) {
    const json::value& maintenance = field(service, "maintenance");
    if (!maintenance.is_object()) return {};
    const std::string message = shown(maintenance, "message");
    return "  MAINTENANCE for " + format_since(text(maintenance, "since"), now) + ", by " +
           by(maintenance) + (message.empty() ? "" : ": " + message);
}

}  // namespace switchyard::admin
