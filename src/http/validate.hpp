#pragma once

#include "http/head.hpp"

#include <string_view>

/// The framing policy: what may go through the door. Parsing gives a head; this decides, before
/// anything is passed on (RFC 9112, RFC 9110). Synchronous, no allocation.
namespace switchyard::http {

/// Why a message is refused: the status for the client (a bad response is always a 502) and a code
/// for X-Switchyard-Error and the log. Empty code: accepted.
struct Verdict {
    unsigned status = 0;
    std::string_view code;
    [[nodiscard]] bool accepted() const noexcept { return code.empty(); }
};

/// Checks a parsed request and fills in its derived members. Limits on sizes are the codec's. Of
/// HTTP/2 (version 20) the codec says by `framing` whether a body follows; a length is found here.
[[nodiscard]] Verdict validate_request(RequestHead& head);

/// Checks a parsed response to a request with `method` and fills in its derived members. `upgrade`:
/// the protocol that was asked for, the only one that a 101 may switch to; empty: none. Of HTTP/2
/// (version 20) the codec says by `framing` whether anything follows the head.
[[nodiscard]] Verdict validate_response(ResponseHead& head, Verb request,
                                        std::string_view upgrade = {});

/// Whether a trailer field may be passed on (RFC 9110 §6.5.1): not framing, routing, or authority.
[[nodiscard]] bool trailer_allowed(const Field& field);

/// RFC 3986 host with an optional port, as Host and authorities have it.
[[nodiscard]] bool valid_host(std::string_view text);

/// Decimal digits only, no overflow (RFC 9110 §8.6).
[[nodiscard]] bool parse_content_length(std::string_view text, std::uint64_t& length);

/// Calls `visit(token)` for each non-empty element of a comma-separated list.
template <class Visit>
void for_each_token(std::string_view list, Visit visit) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        std::string_view token = list.substr(0, comma);
        while (!token.empty() && (token.front() == ' ' || token.front() == '\t')) {
            token.remove_prefix(1);
        }
        while (!token.empty() && (token.back() == ' ' || token.back() == '\t')) {
            token.remove_suffix(1);
        }
        if (!token.empty()) visit(token);
        if (comma == std::string_view::npos) break;
        list.remove_prefix(comma + 1);
    }
}

/// ASCII case-insensitive equality.
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;
/// Whether it ends so, in any case.
[[nodiscard]] inline bool iends_with(std::string_view text, std::string_view end) noexcept {
    return text.size() >= end.size() && iequals(text.substr(text.size() - end.size()), end);
}

}  // namespace switchyard::http
