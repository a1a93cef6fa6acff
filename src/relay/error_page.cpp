#include "relay/error_page.hpp"

#include "h1/serialize.hpp"
#include "http/validate.hpp"

namespace switchyard::relay {

namespace {

/// What a visitor can do about it, in one sentence.
std::string_view advice(unsigned status) noexcept {
    switch (status) {
        case 400:
            return "The request could not be understood.";
        case 404:
            return "There is nothing here under this name.";
        case 405:
            return "This method is not allowed.";
        case 408:
            return "The request took too long to arrive.";
        case 413:
            return "The request is larger than allowed.";
        case 414:
            return "The address of the request is too long.";
        case 417:
            return "The request expects something that is not offered.";
        case 431:
            return "The header of the request is too large.";
        case 501:
            return "This kind of request is not supported.";
        case 502:
            return "The application did not give a valid answer. Please try again.";
        case 503:
            return "The application is not available right now. Please try again shortly.";
        case 504:
            return "The application took too long to answer. Please try again.";
        case 505:
            return "This version of HTTP is not supported.";
        default:
            return "The request could not be served.";
    }
}

/// What the marks of a page stand for.
struct Values {
    unsigned status = 0;
    std::string_view code;
    std::string_view request_id;
    std::string_view message;      ///< Safe within HTML.
    std::string_view retry_after;  ///< Seconds.
};

/// Replaces {{status}}, {{reason}}, {{code}}, {{request_id}}, {{message}} and {{retry_after}};
/// everything else stays, and what is put in is not looked at again.
void fill_in(std::string& out, std::string_view text, const Values& values) {
    for (;;) {
        const auto open = text.find("{{");
        const auto close = open == std::string_view::npos ? open : text.find("}}", open);
        if (close == std::string_view::npos) {
            out += text;
            return;
        }
        out += text.substr(0, open);
        const std::string_view name = text.substr(open + 2, close - open - 2);
        if (name == "status") {
            out += std::to_string(values.status);
        } else if (name == "reason") {
            out += h1::reason_phrase(values.status);
        } else if (name == "code") {
            out += values.code;
        } else if (name == "request_id") {
            out += values.request_id;
        } else if (name == "message") {
            out += values.message;
        } else if (name == "retry_after") {
            out += values.retry_after;
        } else {
            // Not one of ours: the next mark may begin within it.
            out += "{{";
            text.remove_prefix(open + 2);
            continue;
        }
        text.remove_prefix(close + 2);
    }
}

constexpr std::string_view kHtml =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>{{status}} {{reason}}</title>"
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em;"
    "color:#222}h1{font-size:1.4em}p{white-space:pre-line}small{color:#777}</style></head>\n"
    "<body><h1>{{status}} {{reason}}</h1><p>{{message}}</p>"
    "<p><small>{{code}} &middot; request {{request_id}}</small></p></body></html>\n";

constexpr std::string_view kMaintenanceHtml =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>Maintenance</title>"
    "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em;"
    "color:#222}h1{font-size:1.4em}p{white-space:pre-line}small{color:#777}</style></head>\n"
    "<body><h1>Down for maintenance</h1><p>{{message}}</p>"
    "<p><small>{{code}} &middot; request {{request_id}}</small></p></body></html>\n";

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kHtmlType = "text/html; charset=utf-8";

/// `message_json` with its quotes.
void fill_json(std::string& body, const Values& values, std::string_view message_json) {
    body += R"({"error":{"status":)";
    body += std::to_string(values.status);
    body += R"(,"code":")";
    body += values.code;
    body += R"(","message":)";
    body += message_json;
    body += R"(,"request_id":")";
    body += values.request_id;
    body += "\"}}\n";
}

}  // namespace

bool prefers_json(std::string_view accept) noexcept {
    bool decided = false;
    bool json = false;
    http::for_each_token(accept, [&](std::string_view range) {
        if (decided) return;
        const auto semicolon = range.find(';');
        std::string_view type = range.substr(0, semicolon);
        while (!type.empty() && type.back() == ' ')
            type.remove_suffix(1);
        if (semicolon != std::string_view::npos &&
            range.substr(semicolon).find("q=0") != std::string_view::npos &&
            range.substr(semicolon).find("q=0.") == std::string_view::npos) {
            return;
        }
        if (http::iequals(type, "application/json") || type.ends_with("+json")) {
            decided = json = true;
        } else if (http::iequals(type, "text/html") ||
                   http::iequals(type, "application/xhtml+xml")) {
            decided = true;
        }
    });
    return json;
}

std::string_view make_error_page(std::string& body, unsigned status, std::string_view code,
                                 std::string_view request_id, bool json,
                                 const std::map<unsigned, config::ErrorPage>& pages,
                                 std::string_view note, std::string_view retry_after) {
    body.clear();
    std::string message(note);
    message += advice(status);
    const Values values{status, code, request_id, message, retry_after};
    if (json) {
        fill_json(body, values, '"' + message + '"');
        return kJsonType;
    }
    auto page = pages.find(status);
    if (page == pages.end()) page = pages.find(0);
    const bool configured = page != pages.end() && note.empty();
    fill_in(body, configured ? std::string_view(page->second.html) : kHtml, values);
    return kHtmlType;
}

std::string_view make_maintenance_page(std::string& body, const route::Gate& gate,
                                       std::string_view request_id, bool json,
                                       const std::map<unsigned, config::ErrorPage>& pages) {
    constexpr unsigned kStatus = 503;
    body.clear();
    const std::string retry_after = std::to_string(gate.retry_after_s);
    const Values values{kStatus, "maintenance", request_id, gate.message_html, retry_after};
    if (json) {
        fill_json(body, values, gate.message_json);
        return kJsonType;
    }
    std::string_view text = gate.config->maintenance.page;
    if (text.empty()) {
        const auto page = pages.find(kStatus);
        text = page != pages.end() ? std::string_view(page->second.html) : kMaintenanceHtml;
    }
    fill_in(body, text, values);
    return kHtmlType;
}

}  // namespace switchyard::relay
