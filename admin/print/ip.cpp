#include "admin/print/ip.hpp"

#include "admin/fields.hpp"
#include "admin/print/line.hpp"
#include "admin/print/time.hpp"

#include <chrono>
#include <cstdint>

namespace switchyard::admin {

namespace {

std::string droplet_of(const json::value& side) {
    const json::value& id = field(side, "droplet_id");
    if (!id.is_int64() && !id.is_uint64()) return "no droplet";
    return "droplet " + std::to_string(integer(side, "droplet_id"));
}

/// Nothing was ever seen of it, so nothing can be said of where it is. Short: it has to fit into a
/// line of the status.
std::string unseen_words(const json::value& ip) {
    const json::value& error = field(ip, "last_error");
    const std::string kind = text(error, "kind");
    const std::string since = format_time(text(ip, "unseen_since"));
    if (kind == "no_token") return "NOT SEEN, there is no token to ask with";
    if (integer(error, "status") == 0) return "not seen, API silent since " + since;
    if (text(ip, "state") == "refused") return "NOT SEEN, API refuses since " + since;
    return "not seen, API errors since " + since;
}

/// What the state means, for a person.
std::string words_of(const json::value& ip) {
    const std::string state = shown(ip, "state");
    if (!text(ip, "unseen_since").empty() && state != "hidden") return unseen_words(ip);
    if (state == "following") return "follows";
    if (state == "looking" || state == "idle") return "was not looked at yet";
    if (state == "moving") return "is moving";
    if (state == "retrying") return "does not follow yet, the last request failed";
    if (state == "refused") return "DOES NOT FOLLOW, the API refuses";
    if (state == "hidden") return "CAN'T BE FOLLOWED, the API does not tell its droplet";
    if (state == "drifted") return "DOES NOT FOLLOW, somebody else moved it";
    if (state == "fighting") return "DOES NOT FOLLOW, somebody else moves it again and again";
    return state;
}

std::string joined(const json::array& items) {
    std::string out;
    for (const json::value& item : items) {
        if (!item.is_string()) continue;
        out += (out.empty() ? "" : ", ") + printable(item.get_string());
    }
    return out;
}

std::string error_rows(const json::value& ip, const std::string& now, const Screen& screen) {
    const json::value& error = field(ip, "last_error");
    if (!error.is_object()) return {};
    const bool over = flag(error, "over");
    const std::string when = format_since(text(error, "at"), now) + " ago" + (over ? ", over" : "");
    return row(over ? "last error" : "ERROR",
               painted(screen, over ? Paint::none : Paint::red, shown(error, "message")) + " (" +
                   when + ")");
}

std::string token_rows(const json::value& ip, const Screen& screen) {
    const json::value& token = field(ip, "token");
    std::string out;
    if (const auto missing = joined(list(token, "missing_scopes")); !missing.empty()) {
        out += row("TOKEN", painted(screen, Paint::red, "lacks " + missing));
    }
    for (const json::value& problem : list(token, "problems")) {
        if (!problem.is_string()) continue;
        out += row("PROBLEM", painted(screen, Paint::red, printable(problem.get_string())));
    }
    for (const json::value& untested : list(token, "untested")) {
        if (untested.is_string()) out += row("not tested", printable(untested.get_string()));
    }
    return out;
}

std::string metadata_row(const json::value& ip, const Screen& screen) {
    const json::value& metadata = field(ip, "metadata");
    if (!metadata.is_object()) return {};
    if (const auto error = shown(metadata, "error"); !error.empty()) {
        return row("metadata", painted(screen, Paint::yellow, error));
    }
    std::string out = "this is droplet " + std::to_string(integer(metadata, "droplet_id"));
    const json::value& confirms = field(metadata, "confirms");
    if (confirms.is_bool()) {
        out += confirms.get_bool() ? ", the reserved IP is active on it"
                                   : ", which says that NO reserved IP is active on it";
    }
    return row("metadata", out);
}

}  // namespace

std::string ip_summary(const json::value& ip) {
    std::string out = shown(ip, "address") + " " + words_of(ip);
    const json::value& observed = field(ip, "observed");
    if (observed.is_object()) out += ", at " + droplet_of(observed);
    const json::value& desired = field(ip, "desired");
    if (!flag(ip, "following") && desired.is_object() && observed.is_object()) {
        out += " instead of " + std::to_string(integer(desired, "droplet_id"));
    }
    return out;
}

Paint paint_of_ip(const json::value& ip) {
    const std::string state = text(ip, "state");
    if (state == "following") return Paint::green;
    if (state == "refused" || state == "hidden" || state == "drifted" || state == "fighting") {
        return Paint::red;
    }
    return Paint::yellow;
}

std::string print_ip(const json::value& ip, const std::string& now, const Screen& screen) {
    std::string out = painted(screen, Paint::bold, "Reserved IP " + shown(ip, "address")) +
                      ", follows " + shown(ip, "service") + "\n";
    out += row("state", painted(screen, paint_of_ip(ip), words_of(ip)));
    const json::value& desired = field(ip, "desired");
    if (desired.is_object()) {
        out += row("wanted", droplet_of(desired) + " (" + shown(desired, "slot") + "), epoch " +
                                 std::to_string(integer(desired, "epoch")));
    }
    const json::value& observed = field(ip, "observed");
    if (observed.is_object()) {
        out += row("seen", droplet_of(observed) + (flag(observed, "locked") ? ", locked" : "") +
                               ", " + format_since(text(observed, "at"), now) + " ago");
    }
    const std::string unseen = text(ip, "unseen_since");
    if (!unseen.empty()) {
        out += row("seen", painted(screen, Paint::yellow,
                                   "never, for " + format_since(unseen, now) + " by now"));
    }
    if (const double drift = real(ip, "drift_seconds"); drift > 0 && unseen.empty()) {
        const std::chrono::milliseconds span(static_cast<std::int64_t>(drift * 1000));
        out += row("astray for", painted(screen, Paint::yellow, format_span(span)));
    }
    out += row("if moved", shown(ip, "drift_policy") == "alert" ? "alert only" : "moved back");
    out += row("since start", counted(integer(ip, "attempts"), "move") + " asked for, " +
                                  counted(integer(ip, "failures"), "failure") + ", " +
                                  counted(integer(ip, "foreign_changes"), "foreign change"));
    out += error_rows(ip, now, screen);
    out += token_rows(ip, screen);
    out += metadata_row(ip, screen);
    if (const auto next = text(ip, "next_at"); !next.empty()) {
        out += row("next look", "in " + format_since(now, next));
    }
    return out;
}

}  // namespace switchyard::admin
