#include "support/origin/request.hpp"

#include <algorithm>
#include <charconv>

namespace switchyard::origin {
namespace {

using test::equal_ignoring_case;
using test::is_token;
using test::split_field;

constexpr std::size_t kMaxHeadBytes = 256 * 1024;

bool parse_number(std::string_view text, std::uint64_t& number) noexcept {
    if (text.empty() || text.front() < '0' || text.front() > '9') return false;
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && stop == end;
}

bool parse_request_line(std::string_view line, Request& request) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || last <= first + 1) return false;
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
    request.minor_version = version.back() - '0';
    if (!is_token(request.method)) return false;
    if (!std::all_of(request.target.begin(), request.target.end(), [](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return byte > 0x20 && byte != 0x7f;
        })) {
        return false;
    }
    std::string_view path = request.target;
    if (const auto scheme = path.find("://"); path.front() != '/' && scheme != path.npos) {
        const auto slash = path.find('/', scheme + 3);
        path = slash == path.npos ? std::string_view("/") : path.substr(slash);
    }
    const auto question = path.find('?');
    request.path = path.substr(0, question);
    request.query = question == path.npos ? std::string_view() : path.substr(question + 1);
    return true;
}

bool has_list_member(std::string_view list, std::string_view member) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        auto item = list.substr(0, comma);
        while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) {
            item.remove_prefix(1);
        }
        while (!item.empty() && (item.back() == ' ' || item.back() == '\t'))
            item.remove_suffix(1);
        if (equal_ignoring_case(item, member)) return true;
        list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
    }
    return false;
}

bool take_field(std::string_view name, std::string_view value, Request& request, int& hosts) {
    if (equal_ignoring_case(name, "host")) {
        ++hosts;
        request.host = value;
    } else if (equal_ignoring_case(name, "content-length")) {
        std::uint64_t length = 0;
        if (request.content_length || !parse_number(value, length)) return false;
        request.content_length = length;
    } else if (equal_ignoring_case(name, "transfer-encoding")) {
        if (request.chunked || !equal_ignoring_case(value, "chunked")) return false;
        request.chunked = true;
    } else if (equal_ignoring_case(name, "connection")) {
        if (has_list_member(value, "close")) request.keep_alive = false;
        if (request.minor_version == 0 && has_list_member(value, "keep-alive")) {
            request.keep_alive = true;
        }
    } else if (equal_ignoring_case(name, "expect")) {
        request.expects_continue = equal_ignoring_case(value, "100-continue");
    } else if (equal_ignoring_case(name, "x-test-id")) {
        request.test_id = value;
    }
    return true;
}

}  // namespace

Parsed parse_head(std::string_view input, Request& request, std::size_t& consumed) {
    const auto end = input.find("\r\n\r\n");
    if (end == input.npos) return input.size() > kMaxHeadBytes ? Parsed::bad : Parsed::need_more;
    consumed = end + 4;
    request.head.assign(input.data(), consumed);
    request.fields.clear();
    request.host = request.test_id = {};
    request.content_length.reset();
    request.chunked = request.expects_continue = false;

    std::string_view rest = std::string_view(request.head).substr(0, end + 2);
    int hosts = 0;
    for (bool first = true; !rest.empty(); first = false) {
        const auto line_end = rest.find("\r\n");
        const auto line = rest.substr(0, line_end);
        rest.remove_prefix(line_end + 2);
        if (line.find_first_of(std::string_view("\r\n\0", 3)) != line.npos) return Parsed::bad;
        if (first) {
            if (!parse_request_line(line, request)) return Parsed::bad;
            request.keep_alive = request.minor_version == 1;
            continue;
        }
        std::string_view name, value;
        if (!split_field(line, name, value)) return Parsed::bad;
        if (!take_field(name, value, request, hosts)) return Parsed::bad;
        request.fields.emplace_back(name, value);
    }
    if (request.chunked && (request.content_length || request.minor_version == 0)) {
        return Parsed::bad;
    }
    if (hosts > 1 || (hosts == 0 && request.minor_version == 1)) return Parsed::bad;
    return Parsed::complete;
}

void BodyReader::start(const Request& request) {
    chunked_ = request.chunked;
    left_ = request.content_length.value_or(0);
    decoder_ = {};
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    const auto nibble = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    while (!query.empty()) {
        const auto amp = query.find('&');
        const auto item = query.substr(0, amp);
        query = amp == query.npos ? std::string_view() : query.substr(amp + 1);
        const auto equals = item.find('=');
        if (item.substr(0, equals) != name) continue;
        std::string value;
        if (equals == item.npos) return value;
        const auto text = item.substr(equals + 1);
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '%' && i + 2 < text.size() && nibble(text[i + 1]) >= 0 &&
                nibble(text[i + 2]) >= 0) {
                value.push_back(static_cast<char>(nibble(text[i + 1]) << 4 | nibble(text[i + 2])));
                i += 2;
            } else {
                value.push_back(text[i]);
            }
        }
        return value;
    }
    return std::nullopt;
}

std::uint64_t query_number(std::string_view query, std::string_view name, std::uint64_t fallback) {
    std::uint64_t number = 0;
    const auto text = query_value(query, name);
    return text && parse_number(*text, number) ? number : fallback;
}

}  // namespace switchyard::origin
