#include "admin/print/preview.hpp"

#include "admin/fields.hpp"
#include "admin/print/line.hpp"
#include "admin/print/release.hpp"
#include "admin/print/time.hpp"

namespace switchyard::admin {

namespace {

/// Rows are never cut: they are there to be copied.
std::string way(std::string_view label, std::string_view value) {
    return row(label, value, 8);
}

std::string headline(const json::value& answer, const Screen& screen) {
    const std::string slot = shown(answer, "slot");
    const std::string name = shown(answer, "slot_name");
    std::string out = "Preview of " + shown(answer, "service") + ": slot " +
                      painted(screen, paint_of_slot(slot), slot);
    if (name != slot) out += " (" + name + ")";
    const std::string release = release_name(field(answer, "release"));
    if (!release.empty()) out += ", " + release;
    return out + "\n";
}

std::string ways(const json::value& answer) {
    std::string out;
    const std::string link = shown(answer, "link");
    const json::value& header = field(answer, "header");
    const json::value& cookie = field(answer, "cookie");
    if (!link.empty()) {
        out += way("link", link);
    } else if (cookie.is_object()) {
        out += way("link", "none: the hosts are patterns only, see preview.url");
    }
    if (header.is_object()) {
        out += way("header", shown(header, "name") + ": " + shown(header, "value"));
    }
    if (cookie.is_object() && (link.empty() || !header.is_object())) {
        out += way("cookie", shown(cookie, "name") + "=" + shown(cookie, "value"));
    }
    if (const auto host = shown(answer, "host"); !host.empty()) out += way("host", host);
    if (const auto curl = shown(answer, "curl"); !curl.empty()) out += way("curl", curl);
    return out;
}

std::string validity(const json::value& answer, const Screen& screen) {
    if (!flag(answer, "signed")) {
        return "  " +
               painted(screen, Paint::red,
                       "NOT PROTECTED: without a secret anybody who sends this sees the idle "
                       "slot.") +
               "\n";
    }
    const std::string expires = text(answer, "expires_at");
    return "  Valid until " + format_time(expires) + " (" +
           format_since(text(answer, "now"), expires) +
           "), for whoever has it. In the access log: " + shown(answer, "pass_id") + ".\n";
}

}  // namespace

std::string print_preview(const json::value& answer, const Screen& screen) {
    std::string out = headline(answer, screen);
    if (!flag(answer, "healthy")) {
        out += "  " +
               painted(screen, Paint::red,
                       "NOT HEALTHY: it answers 503 until a target of the slot is healthy.") +
               "\n";
    }
    out += "\n" + ways(answer) + "\n" + validity(answer, screen);
    const std::string live = shown(answer, "live");
    return out + "  After a switch it shows " + painted(screen, paint_of_slot(live), live) +
           ": always the slot that is idle.\n";
}

}  // namespace switchyard::admin
