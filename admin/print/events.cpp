#include "admin/print/events.hpp"

#include "admin/fields.hpp"
#include "admin/print/canary.hpp"
#include "admin/print/hold.hpp"
#include "admin/print/line.hpp"
#include "admin/print/release.hpp"
#include "admin/print/text.hpp"
#include "admin/print/time.hpp"

#include <chrono>

#include <boost/json/serialize.hpp>

namespace switchyard::admin {

namespace {

using std::chrono::milliseconds;

std::string by_whom(const json::value& event) {
    if (find(event, "uid") == nullptr) return {};
    const std::string user = shown(event, "user");
    return ", by " + (user.empty() ? "uid " + count(event, "uid") : user);
}

std::string all_fields(const json::value& event) {
    std::string out;
    for (const auto& [key, value] : event.get_object()) {
        const std::string_view name(key.data(), key.size());
        if (name == "event" || name == "at" || name == "service") continue;
        out +=
            (out.empty() ? "" : " ") + printable(name) + "=" +
            (value.is_string() ? printable(value.get_string()) : printable(json::serialize(value)));
    }
    return out;
}

std::string tunnels(std::int64_t number) {
    return number == 0 ? "" : ", " + counted(number, "tunnel");
}

/// "; tunnels: 1 ended, 12 closed"; empty if there were none.
std::string drained_tunnels(const json::value& of) {
    std::string out;
    for (const char* key : {"ended", "closed", "cut", "remaining"}) {
        const std::int64_t number = integer(of, key);
        if (number == 0) continue;
        const bool kept = std::string_view(key) == "remaining" && text(of, "policy") == "keep";
        out += (out.empty() ? "; tunnels: " : ", ") + std::to_string(number) + " " +
               (kept ? "kept" : key);
    }
    return out;
}

std::string sentence(const std::string& kind, const json::value& event) {
    if (kind == "hello")
        return "switchyardd " + shown(event, "version") + ", pid " + count(event, "pid");
    if (kind == "committed") {
        return shown(event, "action") + " from " + shown(event, "from") + " to " +
               shown(event, "to") + ", epoch " + count(event, "epoch") + by_whom(event) + ", " +
               count(event, "in_flight_on_old") + " in flight on the old slot" +
               tunnels(integer(event, "tunnels_on_old")) +
               (flag(event, "forced") ? ", forced" : "");
    }
    if (kind == "draining") {
        return shown(event, "slot") + ", " + count(event, "in_flight") + " in flight" +
               tunnels(integer(event, "tunnels")) + ", " +
               format_span(milliseconds(integer(event, "elapsed_ms"))) + " of " +
               format_span(milliseconds(integer(event, "timeout_ms")));
    }
    if (kind == "drained") {
        return shown(event, "slot") + ", " + count(event, "completed") + " completed, " +
               count(event, "cut") + " cut, " + count(event, "remaining") + " remaining, in " +
               format_span(milliseconds(integer(event, "elapsed_ms"))) +
               (flag(event, "cancelled") ? ", cancelled: it serves again" : "") +
               drained_tunnels(field(event, "tunnels"));
    }
    if (kind == "refused") {
        return shown(event, "action") + by_whom(event) + ": " + shown(event, "message");
    }
    if (kind == "target") {
        const std::string reason = shown(event, "reason");
        return shown(event, "slot") + " " + shown(event, "address") + " is " +
               shown(event, "state") + (reason.empty() ? "" : ": " + reason);
    }
    if (kind == "failover_begun") {
        return shown(event, "live") + " is down, " + shown(event, "serving") +
               " serves its requests: " + shown(event, "reason");
    }
    if (kind == "failover_ended") {
        return shown(event, "outcome") + " after " +
               format_span(milliseconds(integer(event, "elapsed_ms"))) + ": " +
               shown(event, "served_by") + " served " +
               counted(integer(event, "requests"), "request") + ", " +
               counted(integer(event, "errors"), "error") + "; live is " + shown(event, "live");
    }
    if (kind == "reload_failed") return shown(event, "message") + by_whom(event);
    if (kind == "reloaded") {
        std::string out;
        for (const json::value& change : list(event, "changes")) {
            if (change.is_string())
                out += (out.empty() ? "" : "; ") + printable(change.get_string());
        }
        return (out.empty() ? "nothing new" : out) + by_whom(event);
    }
    if (kind == "reserved_ip") {
        return shown(event, "address") + " " + shown(event, "what") + ": " +
               shown(event, "message");
    }
    if (kind == "deploy_begun") {
        return version_name(event, "version") + " to " + shown(event, "slot") + by_whom(event);
    }
    if (kind == "deploy_stage_begun") return shown(event, "stage");
    if (kind == "deploy_stage_ended") {
        const std::string message = shown(event, "message");
        return shown(event, "stage") + ": " + shown(event, "outcome") + " after " +
               format_span(milliseconds(integer(event, "elapsed_ms"))) +
               (message.empty() ? "" : ": " + message);
    }
    if (kind == "deploy_ended") {
        const std::string message = shown(event, "message");
        return version_name(event, "version") + " to " + shown(event, "slot") + ": " +
               shown(event, "outcome") + " in the stage " + shown(event, "stage") + by_whom(event) +
               (message.empty() ? "" : ": " + message);
    }
    if (kind == "held") {
        return "new requests wait" + by_whom(event) + ", for " +
               format_span(milliseconds(integer(event, "remaining_ms"))) + " at most, " +
               count(event, "in_flight") + " in flight";
    }
    if (kind == "holding") {
        return count(event, "held") + " wait, the oldest for " +
               format_span(milliseconds(integer(event, "oldest_ms"))) + ", ends in " +
               format_span(milliseconds(integer(event, "remaining_ms")));
    }
    if (kind == "released") {
        return shown(event, "reason") + by_whom(event) + " after " +
               format_span(milliseconds(integer(event, "elapsed_ms"))) + ": " +
               count(event, "released") + " of " + count(event, "total") +
               " went on, longest wait " +
               format_span(milliseconds(integer(event, "longest_wait_ms")));
    }
    if (kind == "maintenance") {
        const std::string message = shown(event, "message");
        return (flag(event, "on") ? "on" : "off") + by_whom(event) +
               (message.empty() ? "" : ": " + message);
    }
    if (kind == "canary") {
        const std::string before = percent_of(event, "former_percent");
        const std::string slot = shown(event, "slot");
        if (text(event, "action") == "off") {
            return "off, all clients go to " + shown(event, "live") + by_whom(event) + ", epoch " +
                   count(event, "epoch") + ", " + count(event, "in_flight") + " in flight on " +
                   slot;
        }
        return percent_of(event, "percent") + " of the clients go to " + slot +
               (text(event, "action") == "share" ? ", before " + before : "") + by_whom(event) +
               ", epoch " + count(event, "epoch") + (flag(event, "forced") ? ", forced" : "");
    }
    if (kind == "canary_health") {
        return shown(event, "slot") + (flag(event, "healthy")
                                           ? " serves its clients again"
                                           : " is NOT HEALTHY: its clients are sent to live");
    }
    if (kind == "canary_verdict") return shown(event, "text");
    if (kind == "lost") return count(event, "count") + " events, because this reader was too slow";
    if (kind == "stopping") return "the daemon ends";
    return all_fields(event);
}

Paint paint_of(const std::string& kind, const json::value& event) {
    if (kind == "committed") return Paint::green;
    if (kind == "target") return paint_of_health(text(event, "state"));
    if (kind == "reserved_ip") {
        const std::string what = text(event, "what");
        if (what == "followed" || what == "recovered") return Paint::green;
        return what == "moving" ? Paint::none : Paint::red;
    }
    if (kind == "deploy_ended") {
        const std::string outcome = text(event, "outcome");
        if (outcome == "failed") return Paint::red;
        return outcome == "deployed" || outcome == "switched" ? Paint::green : Paint::yellow;
    }
    if (kind == "held" || kind == "holding" || kind == "canary") return Paint::yellow;
    if (kind == "canary_health") return flag(event, "healthy") ? Paint::green : Paint::red;
    if (kind == "canary_verdict") return Paint::red;
    if (kind == "released") return all_went_on(event) ? Paint::green : Paint::yellow;
    if (kind == "maintenance") return flag(event, "on") ? Paint::red : Paint::green;
    if (kind == "drained") return integer(event, "cut") > 0 ? Paint::red : Paint::green;
    if (kind == "refused" || kind == "reload_failed" || kind == "lost" || kind == "stopping") {
        return Paint::red;
    }
    return Paint::none;
}

}  // namespace

std::string print_event(const json::value& event, const Screen& screen) {
    const std::string kind = shown(event, "event");
    if (kind == "heartbeat" || kind.empty()) return {};
    const std::string service = shown(event, "service");
    return format_time(text(event, "at"), true) + "  " +
           (service.empty() ? "" : painted(screen, Paint::bold, service) + "  ") +
           painted(screen, paint_of(kind, event), kind) + "  " + sentence(kind, event) + "\n";
}

}  // namespace switchyard::admin
