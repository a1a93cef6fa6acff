#include "admin/print/canary.hpp"

#include "admin/fields.hpp"
#include "admin/print/line.hpp"
#include "admin/print/release.hpp"
#include "admin/print/table.hpp"
#include "admin/print/time.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace switchyard::admin {

namespace {

std::string number(double value) {
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.3g", value);
    // 1e+03 is no way to say 1000.
    if (std::abs(value) >= 1000) std::snprintf(out.data(), out.size(), "%.0f", value);
    return out.data();
}

std::string measured(const json::value& side, std::string_view key, std::string_view unit) {
    if (!field(side, key).is_number()) return "-";
    return number(real(side, key)) + std::string(unit);
}

bool differs(const json::value& canary) {
    return text(field(canary, "verdict"), "state") == "differs";
}

bool is_worse(const json::value& canary) {
    const json::value& verdict = field(canary, "verdict");
    return text(field(verdict, "errors"), "canary") == "more" ||
           text(field(verdict, "latency"), "canary") == "slower";
}

void add_side(Table& table, std::string_view title, const json::value& side) {
    const std::string slot = shown(side, "slot");
    const std::string release = release_name(field(side, "release"));
    const std::string errors = std::to_string(integer(side, "errors"));
    table.add({{std::string(title)},
               {slot, paint_of_slot(slot)},
               {release.empty() ? "-" : release},
               {std::to_string(integer(side, "answers"))},
               {errors, errors == "0" ? Paint::none : Paint::yellow},
               {measured(side, "error_percent", "%")},
               {measured(side, "median_ms", " ms")},
               {measured(side, "p95_ms", " ms")}});
}

/// The lines of one that runs.
std::string block(const json::value& canary, const std::string& now, const Screen& screen) {
    const std::string slot = shown(canary, "slot");
    std::string out = "  " +
                      painted(screen, Paint::yellow, "CANARY " + percent_of(canary, "percent")) +
                      " of the clients on " + painted(screen, paint_of_slot(slot), slot) + " for " +
                      format_since(text(canary, "share_since"), now) + ", by " + by(canary) +
                      ", told by " + shown(canary, "stick") + "\n";
    if (!flag(canary, "healthy")) {
        out += painted(screen, Paint::red,
                       "  NOT HEALTHY for " + format_since(text(canary, "health_since"), now) +
                           ": its clients are sent to live") +
               "\n";
    }
    Table table("lllrrrrr", "  ");
    table.add({{"", Paint::dim},
               {"SLOT", Paint::dim},
               {"RELEASE", Paint::dim},
               {"ANSWERS", Paint::dim},
               {"ERRORS", Paint::dim},
               {"", Paint::dim},
               {"MEDIAN", Paint::dim},
               {"95%", Paint::dim}});
    add_side(table, "live", field(canary, "live"));
    add_side(table, "canary", field(canary, "canary"));
    table.limit(2, 20);
    out += table.text(screen);
    const std::string verdict = shown(field(canary, "verdict"), "text");
    const Paint paint = is_worse(canary)  ? Paint::red
                        : differs(canary) ? Paint::green
                                          : Paint::none;
    for (const std::string& line : wrapped("verdict: " + verdict, screen.columns - 2, 3))
        out += "  " + painted(screen, paint, line) + "\n";
    return out;
}

}  // namespace

std::string percent_of(const json::value& from, std::string_view key) {
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.2f", real(from, key));
    std::string percent = out.data();
    while (percent.back() == '0')
        percent.pop_back();
    if (percent.back() == '.') percent.pop_back();
    return percent + "%";
}

std::string print_canary_changed(const json::value& event, const Screen& screen) {
    const std::string service = shown(event, "service");
    const std::string slot = shown(event, "slot");
    const std::string action = text(event, "action");
    std::string out = painted(screen, Paint::bold, service) + ": ";
    if (action == "off") {
        out += painted(screen, Paint::green, "the canary is off") + ", all clients go to " +
               shown(event, "live") + " (before: " + percent_of(event, "former_percent") + " to " +
               slot + ")\n";
    } else {
        out += painted(screen, Paint::yellow, percent_of(event, "percent")) +
               " of the clients go to " + painted(screen, paint_of_slot(slot), slot);
        if (action == "share") out += " (before: " + percent_of(event, "former_percent") + ")";
        out += "\n";
    }
    if (flag(event, "forced")) {
        out += row("forced", painted(screen, Paint::yellow, slot + " was not healthy"));
    }
    if (action != "off" && !flag(event, "healthy")) {
        out += row("NOT HEALTHY",
                   painted(screen, Paint::red, "its clients are sent to live until it is"));
    }
    if (const auto release = release_name(field(event, "release")); !release.empty()) {
        out += row("release", release);
    }
    out += row("epoch", std::to_string(integer(event, "epoch")));
    if (action == "off") {
        const std::int64_t tunnels = integer(event, "tunnels");
        out += row("in flight", std::to_string(integer(event, "in_flight")) + " on " + slot +
                                    (tunnels == 0 ? "" : ", " + counted(tunnels, "tunnel")));
        return out;
    }
    out += row("watch", "switchyard canary " + service);
    out += row("further", "a greater share, or for all: switchyard canary " + service + " promote");
    out += row("way back", "switchyard canary " + service + " off");
    return out;
}

std::string print_canary_drained(const json::value& event, const Screen& screen) {
    const std::int64_t cut = integer(event, "cut");
    std::string out =
        row("drained", std::to_string(integer(event, "completed")) + " completed, " +
                           std::to_string(cut) + " cut, in " +
                           format_span(std::chrono::milliseconds(integer(event, "elapsed_ms"))));
    const std::int64_t remaining =
        integer(event, "remaining") + integer(field(event, "tunnels"), "remaining");
    if (flag(event, "cancelled")) {
        out += row("NOT DRAINED",
                   painted(screen, Paint::yellow,
                           shown(event, "slot") + " serves all requests (failover, or a later " +
                               "change); " + std::to_string(remaining) + " went on there"));
    } else if (cut != 0 || remaining != 0) {
        out += row("NOT DRAINED", painted(screen, Paint::red,
                                          std::to_string(cut) + " cut, " +
                                              std::to_string(remaining) + " went on"));
    }
    return out;
}

std::string print_canary_plan(const json::value& plan, const Screen& screen) {
    const std::string slot = shown(plan, "slot");
    const bool off = real(plan, "percent") == 0;
    std::string out = "Plan: " + painted(screen, Paint::bold, shown(plan, "service")) + ": ";
    out += off ? "the canary ends, all clients go to " + shown(plan, "live")
               : percent_of(plan, "percent") + " of the clients go to " + slot;
    out += "; now " + percent_of(plan, "former_percent") + ". Nothing was changed.\n";
    if (const auto release = release_name(field(plan, "release")); !release.empty()) {
        out += row("release", release + " on " + slot);
    }
    out += row("epoch", std::to_string(integer(plan, "epoch")) + ", then " +
                            std::to_string(integer(plan, "epoch_after")));
    if (flag(plan, "allowed")) {
        return out + row("allowed", flag(plan, "forced")
                                        ? painted(screen, Paint::yellow, "yes, forced")
                                        : painted(screen, Paint::green, "yes"));
    }
    for (const json::value& refusal : list(plan, "refusals")) {
        out += row("REFUSED", painted(screen, Paint::red, shown(refusal, "message")));
        if (const auto hint = shown(refusal, "hint"); !hint.empty()) out += row("", hint);
    }
    return out;
}

std::string print_canary(const json::value& answer, const Screen& screen) {
    const std::string service = shown(answer, "service");
    const json::value& canary = field(answer, "canary");
    if (canary.is_object()) {
        std::string out = painted(screen, Paint::bold, service) + "\n" +
                          block(canary, text(answer, "now"), screen);
        const json::value& back = field(canary, "sent_to_live");
        const std::int64_t unhealthy = integer(back, "unhealthy");
        const std::int64_t failed = integer(back, "failed");
        if (unhealthy + failed != 0) {
            out += "  requests of its clients that live answered since the daemon started: " +
                   std::to_string(unhealthy) + " unhealthy, " + std::to_string(failed) +
                   " failed\n";
        }
        return out + "  The counts are since the share last changed, " +
               format_since(text(canary, "compared_since"), text(answer, "now")) + " ago.\n";
    }
    std::string out = painted(screen, Paint::bold, service) +
                      ": no canary runs, all clients go to " + shown(answer, "live") + "\n";
    if (!field(answer, "settings").is_object()) {
        return out + "  None can: the service has no section canary in the configuration.\n";
    }
    return out + row("begin", "switchyard canary " + service + " 5%");
}

std::string canary_block(const json::value& service, const std::string& now, const Screen& screen) {
    const json::value& canary = field(service, "canary");
    return canary.is_object() ? block(canary, now, screen) : std::string();
}

std::string canary_share(const json::value& service) {
    const json::value& canary = field(service, "canary");
    return canary.is_object() ? percent_of(canary, "percent") : std::string();
}

bool canary_needs_look(const json::value& service) {
    const json::value& canary = field(service, "canary");
    return canary.is_object() && (!flag(canary, "healthy") || is_worse(canary));
}

}  // namespace switchyard::admin
