#include "admin/print/status.hpp"

#include "admin/fields.hpp"
#include "admin/print/canary.hpp"
#include "admin/print/hold.hpp"
#include "admin/print/ip.hpp"
#include "admin/print/line.hpp"
#include "admin/print/release.hpp"
#include "admin/print/table.hpp"
#include "admin/print/time.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace switchyard::admin {

namespace {

constexpr const char* kSlots[] = {"blue", "green"};

std::string one_decimal(double value) {
    std::array<char, 48> out{};
    std::snprintf(out.data(), out.size(), "%.1f", value);
    return out.data();
}

std::string join(const json::array& items) {
    std::string out;
    for (const json::value& item : items) {
        if (!item.is_string()) continue;
        out += (out.empty() ? "" : ", ") + printable(item.get_string());
    }
    return out;
}

/// "blue (blue-production)", or just "blue" when the name says no more.
std::string slot_title(const std::string& slot, const std::string& name) {
    return name.empty() || name == slot ? slot : slot + " (" + name + ")";
}

std::string other_slot(const json::value& service) {
    return text(service, "live") == "blue" ? "green" : "blue";
}

/// How many targets of a slot are healthy, and of how many.
struct Health {
    std::size_t healthy = 0;
    std::size_t all = 0;
};

Health health_of(const json::value& slot) {
    Health health;
    for (const json::value& target : list(slot, "targets")) {
        ++health.all;
        if (text(target, "state") == "healthy") ++health.healthy;
    }
    return health;
}

std::string reason_line(const json::value& target, const std::string& now, std::size_t columns) {
    const json::value& ejected = field(target, "ejected");
    if (text(target, "state") == "ejected" && ejected.is_object()) {
        const std::string away = format_since(text(ejected, "since"), now);
        return elided("           for " + away + ", back in " +
                          format_since(now, text(ejected, "until")) + ": " +
                          printable(reason_of(target)),
                      columns);
    }
    const std::string since = format_since(text(target, "since"), now);
    std::string line =
        "           " + (since == "-" ? "" : "for " + since + ": ") + printable(reason_of(target));
    return elided(line, columns);
}

void add_target(Table& table, const json::value& target, std::string slot, std::string state,
                const json::value* sums) {
    const std::string health = shown(target, "state");
    std::vector<Table::Cell> cells{{slot, paint_of_slot(slot)},
                                   {state, state == "live" ? Paint::bold : Paint::none},
                                   {shown(target, "address")},
                                   {health, paint_of_health(health)},
                                   {""},
                                   {count(sums != nullptr ? *sums : target, "in_flight")}};
    if (sums != nullptr) {
        cells[4].text = one_decimal(real(*sums, "requests_per_second"));
        const auto errors = count(*sums, "errors_total");
        cells.push_back({errors, errors == "0" ? Paint::none : Paint::yellow});
    }
    table.add(std::move(cells));
}

/// A slot with one target is one row; with more, a row of sums and one a target.
void add_slot(Table& table, const json::value& slot, const std::string& colour,
              const std::string& now, const Screen& screen) {
    const json::array& targets = list(slot, "targets");
    const std::string state = shown(slot, "state");
    if (targets.size() != 1) {
        const Health health = health_of(slot);
        const auto errors = count(slot, "errors_total");
        table.add({{colour, paint_of_slot(colour)},
                   {state, state == "live" ? Paint::bold : Paint::none},
                   {std::to_string(health.healthy) + " of " + std::to_string(health.all)},
                   {flag(slot, "healthy") ? "healthy" : "unhealthy",
                    flag(slot, "healthy") ? Paint::green : Paint::red},
                   {one_decimal(real(slot, "requests_per_second"))},
                   {count(slot, "in_flight")},
                   {errors, errors == "0" ? Paint::none : Paint::yellow}});
    }
    for (const json::value& target : targets) {
        if (targets.size() == 1) {
            add_target(table, target, colour, state, &slot);
        } else {
            add_target(table, target, "", "", nullptr);
        }
        if (text(target, "state") != "healthy")
            table.note(reason_line(target, now, screen.columns));
    }
}

/// "  tunnels: blue 12, green 3"; empty if there are none.
std::string tunnels_line(const json::value& service) {
    std::string out;
    for (const char* colour : kSlots) {
        const json::value* slot = find(field(service, "slots"), colour);
        if (slot == nullptr || integer(*slot, "tunnels") == 0) continue;
        out += (out.empty() ? "" : ", ") + std::string(colour) + " " + count(*slot, "tunnels");
    }
    return out.empty() ? out : "  tunnels: " + out + "\n";
}

/// The live slot is down, and the other one serves, or does not: nobody shall overlook that.
std::string failover_line(const json::value& service, const std::string& now) {
    const json::value& failover = field(service, "failover");
    if (!failover.is_object()) {
        const std::string obstacle = shown(service, "failover_barred");
        if (obstacle.empty()) return {};
        return "NO FAILOVER: " + shown(service, "live") + " is down, and " + other_slot(service) +
               " does not serve in its place: " + obstacle;
    }
    const std::string returns = text(failover, "returns_at");
    const std::string reason = shown(failover, "reason");
    return "FAILOVER for " + format_since(text(failover, "since"), now) + ": " +
           shown(service, "live") + " is live but down, " + shown(failover, "serving") +
           " serves its requests (" + counted(integer(failover, "requests"), "request") + ", " +
           counted(integer(failover, "errors"), "error") + ")" +
           (returns.empty() ? "" : "; back in " + format_since(now, returns)) +
           (reason.empty() ? "" : "; " + reason);
}

/// No target of the live slot passes its checks, and neither a failover nor a maintenance page
/// stands in: what is there to do.
std::string down_line(const json::value& service) {
    const std::string live = text(service, "live");
    const json::value& slots = field(service, "slots");
    const json::value& slot = field(slots, live);
    if (flag(slot, "healthy") || field(service, "failover").is_object() ||
        !text(service, "failover_barred").empty() || field(service, "maintenance").is_object()) {
        return {};
    }
    const json::array& targets = list(slot, "targets");
    if (std::none_of(targets.begin(), targets.end(), [](const json::value& target) {
            return text(target, "state") == "unhealthy";
        })) {
        return {};
    }
    const std::string other = other_slot(service);
    const std::string line = "DOWN: " + printable(live) +
                             " is live, and no target of it is healthy; requests are tried there "
                             "all the same. ";
    const json::value* idle = find(slots, other);
    if (idle == nullptr) return line + "There is no other slot.";
    if (!flag(*idle, "healthy")) return line + "No target of " + other + " is, either.";
    return line + printable(other) + " is healthy: switchyard switch " + shown(service, "name") +
           " " + other;
}

std::string drain_line(const json::value& drain, const std::string& now) {
    const std::int64_t tunnels = integer(drain, "tunnels");
    if (flag(drain, "kept")) {
        return "  keeping " + counted(tunnels, "tunnel") + " on " + shown(drain, "slot") +
               " since " + format_since(text(drain, "since"), now) + ", closed in " +
               format_since(now, text(drain, "deadline"));
    }
    const auto left = format_since(now, text(drain, "deadline"));
    return "  draining " + shown(drain, "slot") + " since " +
           format_since(text(drain, "since"), now) + ": " + count(drain, "in_flight") +
           " in flight" + (tunnels == 0 ? "" : ", " + counted(tunnels, "tunnel")) + ", cut in " +
           left;
}

std::string change_line(const json::value& change, const std::string& now) {
    const std::string user = shown(change, "user");
    return "  under way: " + shown(change, "action") + " by " +
           (user.empty() ? "uid " + count(change, "uid") : user) + ", since " +
           format_since(text(change, "since"), now);
}

/// "  releases: blue v41, green v42 (unfinished)"; empty if nothing was ever deployed.
std::string releases_line(const json::value& service, std::size_t columns) {
    std::string out;
    for (const char* colour : kSlots) {
        const json::value* slot = find(field(service, "slots"), colour);
        if (slot == nullptr) continue;
        const std::string release = release_name(field(*slot, "release"));
        if (!release.empty())
            out += (out.empty() ? "" : ", ") + std::string(colour) + " " + release;
    }
    return out.empty() ? out : elided("  releases: " + out, columns) + "\n";
}

std::string deploy_line(const json::value& deploy, const std::string& now) {
    const std::string user = shown(deploy, "user");
    return "  deploying " + version_name(deploy, "version") + " to " + shown(deploy, "slot") +
           " since " + format_since(text(deploy, "since"), now) + ", by " +
           (user.empty() ? "uid " + count(deploy, "uid") : user) + ": " + shown(deploy, "stage") +
           " for " + format_since(text(deploy, "stage_since"), now);
}

/// What the history does not know yet, because the state file could not be written.
std::string unwritten_lines(const json::value& from, const Screen& screen) {
    std::string out;
    for (const json::value& record : list(from, "history_unwritten")) {
        const std::string line =
            "The end of " + shown(record, "service") + "'s " + shown(record, "action") + " (" +
            shown(record, "outcome") + ", history " + count(record, "history_id") +
            ") is not in the state file yet, it is tried again: " + shown(record, "error");
        for (const std::string& part : wrapped(line, screen.columns, 3))
            out += painted(screen, Paint::red, part) + "\n";
    }
    return out;
}

std::string service_block(const json::value& service, const std::string& now,
                          const Screen& screen) {
    const std::string live = shown(service, "live");
    const std::string path = shown(service, "path");
    std::string where = join(list(service, "hosts"));
    if (!path.empty() && path != "/") where += (where.empty() ? "" : " ") + path;
    const std::string name = shown(service, "name");
    std::string out = painted(screen, Paint::bold, name);
    if (!where.empty()) {
        out += "  " + elided(where, screen.columns > width_of(name) + 2
                                        ? screen.columns - width_of(name) - 2
                                        : 3);
    }
    out += "\n  live: " +
           painted(screen, paint_of_slot(live),
                   elided(slot_title(live, shown(service, "live_name")), 28)) +
           " for " + format_since(text(service, "live_since"), now) + " (" +
           format_time(text(service, "live_since")) + "), epoch " + count(service, "epoch") + "\n";
    if (const std::string line = maintenance_line(service, now); !line.empty()) {
        out += painted(screen, Paint::red, elided(line, screen.columns)) + "\n";
    }
    if (const std::string line = failover_line(service, now); !line.empty()) {
        for (const std::string& part : wrapped(line, screen.columns - 2, 4))
            out += "  " + painted(screen, Paint::red, part) + "\n";
    }
    if (const std::string line = down_line(service); !line.empty()) {
        for (const std::string& part : wrapped(line, screen.columns - 2, 4))
            out += "  " + painted(screen, Paint::red, part) + "\n";
    }
    out += releases_line(service, screen.columns);

    Table table("llllrrr", "  ");
    table.add({{"SLOT", Paint::dim},
               {"", Paint::dim},
               {"TARGET", Paint::dim},
               {"HEALTH", Paint::dim},
               {"REQ/S", Paint::dim},
               {"IN FLIGHT", Paint::dim},
               {"ERRORS", Paint::dim}});
    for (const char* colour : kSlots) {
        const json::value* slot = find(field(service, "slots"), colour);
        if (slot != nullptr) add_slot(table, *slot, colour, now, screen);
    }
    table.limit(2, screen.columns > 72 ? screen.columns - 54 : 18);
    out += table.text(screen);
    out += canary_block(service, now, screen);
    out += tunnels_line(service);
    for (const json::value& drain : list(service, "drains")) {
        out += painted(screen, Paint::yellow, drain_line(drain, now)) + "\n";
    }
    if (const std::string line = hold_line(service, now); !line.empty()) {
        out += painted(screen, Paint::yellow, elided(line, screen.columns)) + "\n";
    }
    if (const json::value& ip = field(service, "reserved_ip"); ip.is_object()) {
        const std::string line = elided("  reserved IP " + ip_summary(ip), screen.columns);
        out += painted(screen, paint_of_ip(ip), line) + "\n";
    }
    if (field(service, "deploy").is_object()) {
        out += painted(screen, Paint::yellow, deploy_line(field(service, "deploy"), now)) + "\n";
    } else if (field(service, "change").is_object()) {
        out += painted(screen, Paint::yellow, change_line(field(service, "change"), now)) + "\n";
    }
    return out;
}

std::string header(const json::value& status, const Screen& screen) {
    std::string out = "Switchyard " + shown(status, "version") + ", up " +
                      format_span(std::chrono::seconds(integer(status, "uptime_s"))) + ", " +
                      counted(integer(status, "connections"), "connection") + ", " +
                      counted(integer(status, "workers"), "worker") + ", pid " +
                      count(status, "pid") + "\n";
    std::string listeners;
    for (const json::value& listener : list(status, "listeners")) {
        listeners += (listeners.empty() ? "" : ", ") + shown(listener, "address");
        if (flag(listener, "tls")) listeners += " (tls)";
        if (flag(listener, "redirect")) listeners += " (to https)";
    }
    if (flag(status, "stopping")) {
        out += painted(screen, Paint::yellow,
                       "STOPPING: nobody new is let in, what is under way may finish.") +
               "\n";
        listeners.clear();
    }
    if (!listeners.empty()) out += elided("Listening on " + listeners, screen.columns) + "\n";
    if (const auto dropped = integer(status, "log_lines_dropped"); dropped > 0) {
        out +=
            painted(screen, Paint::yellow,
                    "The access log lost " + counted(dropped, "line") + ": its disk is too slow.") +
            "\n";
    }
    return out + unwritten_lines(status, screen);
}

/// The targets of a service that are not healthy and why, a line each while there is room.
std::string troubles(const json::value& service, const std::string& now, const Screen& screen,
                     std::size_t& room) {
    std::string out;
    for (const char* colour : kSlots) {
        const json::value* slot = find(field(service, "slots"), colour);
        if (slot == nullptr) continue;
        for (const json::value& target : list(*slot, "targets")) {
            if (text(target, "state") == "healthy" || room == 0) continue;
            --room;
            const std::string line = "  " + shown(service, "name") + " " + colour + " " +
                                     shown(target, "address") + ": " + shown(target, "state") +
                                     " for " + format_since(text(target, "since"), now) + ", " +
                                     printable(reason_of(target));
            out += painted(screen, paint_of_health(text(target, "state")),
                           elided(line, screen.columns)) +
                   "\n";
        }
    }
    return out;
}

/// One line a service, for those who have many.
std::string overview(const json::value& status, const Screen& screen, std::size_t rows) {
    const std::string now = text(status, "now");
    const json::array& services = list(status, "services");
    Table table("lllrlrrr");
    table.add({{"SERVICE", Paint::dim},
               {"LIVE", Paint::dim},
               {"FOR", Paint::dim},
               {"EPOCH", Paint::dim},
               {"HEALTHY", Paint::dim},
               {"REQ/S", Paint::dim},
               {"IN FLIGHT", Paint::dim},
               {"ERRORS", Paint::dim}});
    // What needs a look comes first when not all have room.
    std::vector<const json::value*> order;
    for (const json::value& service : services)
        order.push_back(&service);
    const auto troubled = [](const json::value* service) {
        const json::value& live = field(field(*service, "slots"), text(*service, "live"));
        const json::value& idle = field(field(*service, "slots"), other_slot(*service));
        return !flag(live, "healthy") || (idle.is_object() && !flag(idle, "healthy")) ||
               !list(*service, "drains").empty() || field(*service, "hold").is_object() ||
               field(*service, "maintenance").is_object() ||
               field(*service, "failover").is_object() ||
               !text(*service, "failover_barred").empty() || canary_needs_look(*service);
    };
    std::stable_partition(order.begin(), order.end(), troubled);
    std::stable_partition(order.begin(), order.end(), [](const json::value* service) {
        return field(*service, "failover").is_object() ||
               !text(*service, "failover_barred").empty() || !down_line(*service).empty();
    });
    const std::size_t shown_services = std::min(order.size(), rows > 4 ? rows - 4 : 1);
    for (std::size_t i = 0; i < shown_services; ++i) {
        const json::value& service = *order[i];
        const std::string live = shown(service, "live");
        std::string healthy;
        double rate = 0;
        std::int64_t in_flight = 0;
        std::int64_t errors = 0;
        for (const char* colour : kSlots) {
            const json::value* slot = find(field(service, "slots"), colour);
            if (slot == nullptr) continue;
            const Health health = health_of(*slot);
            healthy += (healthy.empty() ? "" : ", ") + std::string(colour) + " " +
                       std::to_string(health.healthy) + "/" + std::to_string(health.all);
            rate += real(*slot, "requests_per_second");
            in_flight += integer(*slot, "in_flight");
            errors += integer(*slot, "errors_total");
        }
        if (!list(service, "drains").empty()) healthy += ", draining";
        if (const std::string share = canary_share(service); !share.empty()) {
            healthy += ", canary " + share;
        }
        if (field(service, "hold").is_object()) healthy += ", HELD";
        if (field(service, "maintenance").is_object()) healthy += ", MAINTENANCE";
        if (field(service, "failover").is_object()) healthy += ", FAILOVER";
        if (!text(service, "failover_barred").empty()) healthy += ", NO FAILOVER";
        if (!down_line(service).empty()) healthy += ", DOWN";
        table.add({{shown(service, "name"), Paint::bold},
                   {live, paint_of_slot(live)},
                   {format_since(text(service, "live_since"), now)},
                   {count(service, "epoch")},
                   {healthy, troubled(&service) ? Paint::yellow : Paint::none},
                   {one_decimal(rate)},
                   {std::to_string(in_flight)},
                   {std::to_string(errors)}});
    }
    table.limit(0, 20);
    std::string out = table.text(screen);
    if (const json::value& ip = field(status, "reserved_ip"); ip.is_object()) {
        const std::string line = elided("Reserved IP " + ip_summary(ip), screen.columns);
        out += painted(screen, paint_of_ip(ip), line) + "\n";
        if (rows > 0) --rows;
    }
    std::size_t room = rows > shown_services + 3 ? rows - shown_services - 3 : 0;
    for (std::size_t i = 0; i < shown_services; ++i)
        out += troubles(*order[i], now, screen, room);
    if (shown_services < services.size()) {
        out += "and " + std::to_string(services.size() - shown_services) + " more. ";
    }
    return out + "One in detail: switchyard status SERVICE. All of them: --json.\n";
}

}  // namespace

std::string reason_of(const json::value& target) {
    if (const std::string reason = text(target, "reason"); !reason.empty()) return reason;
    const json::value& check = field(target, "last_check");
    if (!check.is_object()) return "not checked yet";
    std::string out = text(check, "error");
    if (const auto status = integer(check, "status"); status != 0) {
        if (!out.empty()) out += ", ";
        out += "status " + std::to_string(status);
    }
    if (const auto line = text(check, "body_line"); !line.empty()) {
        out += (out.empty() ? "" : ": ") + line;
    }
    const std::string state = text(target, "state");
    if (state == "ejected") {
        const std::string why = text(field(target, "ejected"), "reason");
        return (why.empty() ? "requests could not connect" : why) +
               (out.empty() ? "" : "; last check: " + out);
    }
    if (state == "unhealthy" && flag(check, "passed")) {
        return count(check, "good") + " of " + count(check, "needed") + " good checks in a row" +
               (out.empty() ? "" : ", the last: " + out);
    }
    if (state == "unknown") return "not checked often enough yet" + (out.empty() ? "" : ": " + out);
    return out.empty() ? "no reason known" : out;
}

std::string print_status(const json::value& status, const Screen& screen) {
    std::string out = header(status, screen);
    const std::string now = text(status, "now");
    const json::array& services = list(status, "services");
    if (services.empty()) return out + "\nNo service is configured.\n";
    std::string details;
    for (const json::value& service : services) {
        details += "\n" + service_block(service, now, screen);
    }
    const auto lines = [](const std::string& block) {
        return static_cast<std::size_t>(std::count(block.begin(), block.end(), '\n'));
    };
    // One row stays free for the prompt. A single service is always shown in full.
    if (services.size() == 1 || lines(out) + lines(details) < screen.rows) return out + details;
    const std::size_t used = lines(out) + 1;
    return out + "\n" + overview(status, screen, screen.rows > used ? screen.rows - used : 1);
}

std::string print_service(const json::value& service, const Screen& screen) {
    return unwritten_lines(service, screen) + service_block(service, text(service, "now"), screen);
}

}  // namespace switchyard::admin
