#pragma once

#include "h1/parser.hpp"
#include "http/validate.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// What the fuzz targets of HTTP/1.1 share: input that arrives in pieces, and what must hold of
/// every head that goes out.
namespace switchyard::fuzz {

/// Ends the program if it does not hold, naming what.
inline void require(bool holds, const char* what, std::string_view about = {}) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::fwrite(about.data(), 1, about.size(), stderr);
    std::abort();
}

/// How a head was parsed, whatever the pieces.
struct Parsed {
    h1::ParseStatus status = h1::ParseStatus::need_more;
    std::size_t consumed = 0;
};

/// Parses octets that arrive up to `first`, then all. The head's views point into `memory`, which
/// is new for each step, as a buffer that grows is.
template <class Parser, class Head>
Parsed parse_in_two(std::string_view octets, std::size_t first, Parser& parser, Head& head,
                    std::vector<char>& memory) {
    parser.start(head, h1::HeadLimits{8 * 1024, 32, 2 * 1024});
    Parsed out;
    for (const std::size_t end : {first, octets.size()}) {
        std::vector<char> more(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(end));
        memory.swap(more);
        const h1::ParseResult result = parser.parse(memory.data(), memory.size());
        out.status = result.status;
        if (result.status == h1::ParseStatus::need_more) continue;
        if (result.status == h1::ParseStatus::done) out.consumed = result.consumed;
        break;
    }
    return out;
}

/// What is complete is judged the same however it came; of what is not, an error may be seen sooner
/// or later.
inline void require_same(std::string_view octets, const Parsed& a, const Parsed& b) {
    using h1::ParseStatus;
    const bool complete = octets.find("\r\n\r\n") != std::string_view::npos;
    const bool one_waits = a.status == ParseStatus::need_more || b.status == ParseStatus::need_more;
    const bool one_passes = a.status == ParseStatus::done || b.status == ParseStatus::done;
    require(a.status == b.status || (one_waits && !one_passes && !complete),
            "pieces make no difference", octets);
    require(a.consumed == b.consumed, "pieces make no difference to what is used", octets);
}

/// Lines of a head that we wrote: each ends with CR LF, none holds a bare CR, LF or NUL, the fields
/// have a name and a colon. Returns them without their ends, the empty one at the end left out.
inline std::vector<std::string_view> lines_of(std::string_view head) {
    std::vector<std::string_view> lines;
    for (;;) {
        const auto end = head.find("\r\n");
        require(end != std::string_view::npos, "a head ends with an empty line");
        const std::string_view line = head.substr(0, end);
        require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
                "no bare CR, LF or NUL goes out", line);
        head.remove_prefix(end + 2);
        if (line.empty()) break;
        if (!lines.empty()) {
            const auto colon = line.find(':');
            require(colon != std::string_view::npos && colon > 0, "a field has a name", line);
            require(line.substr(0, colon).find_first_of(" \t") == std::string_view::npos,
                    "a field's name has no blanks", line);
        }
        lines.push_back(line);
    }
    require(head.empty(), "nothing follows a head", head);
    return lines;
}

/// How many fields of this name there are.
inline std::size_t count(const std::vector<std::string_view>& lines, std::string_view name) {
    std::size_t found = 0;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        if (http::iequals(lines[i].substr(0, lines[i].find(':')), name)) ++found;
    }
    return found;
}

/// What holds of both directions: one framing, stated once, and nothing hop-by-hop.
inline void check_fields(const std::vector<std::string_view>& lines, bool connection_allowed) {
    const std::size_t lengths = count(lines, "Content-Length");
    const std::size_t codings = count(lines, "Transfer-Encoding");
    require(lengths + codings <= 1, "a message has one framing");
    for (const char* name : {"Keep-Alive", "Proxy-Connection", "TE", "Upgrade",
                             "Proxy-Authorization", "Proxy-Authenticate"}) {
        require(count(lines, name) == 0, "hop-by-hop fields end here", name);
    }
    require(connection_allowed || count(lines, "Connection") == 0, "Connection ends here");
}

}  // namespace switchyard::fuzz
