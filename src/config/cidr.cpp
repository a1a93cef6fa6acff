#include "config/cidr.hpp"

#include "config/address.hpp"
#include "config/report.hpp"
#include "config/values.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <string>

namespace switchyard::config {
namespace {

constexpr std::string_view kPrivate[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                                         "fc00::/7"};
constexpr std::string_view kLoopback[] = {"127.0.0.0/8", "::1/128"};

void set_bytes(Cidr& range, const std::string& address) {
    in_addr v4{};
    if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
        range.bytes[10] = range.bytes[11] = 0xff;
        std::memcpy(range.bytes + 12, &v4, 4);
        return;
    }
    in6_addr v6{};
    inet_pton(AF_INET6, address.c_str(), &v6);
    std::memcpy(range.bytes, &v6, 16);
}

/// Clears what lies behind the prefix; whether something was there.
bool clear_host_bits(Cidr& range) {
    bool had_any = false;
    for (unsigned bit = range.prefix; bit < 128; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80u >> (bit % 8));
        if ((range.bytes[bit / 8] & mask) == 0) continue;
        had_any = true;
        range.bytes[bit / 8] = static_cast<std::uint8_t>(range.bytes[bit / 8] & ~mask);
    }
    return had_any;
}

std::string address_text(const Cidr& range, bool is_v4) {
    char out[INET6_ADDRSTRLEN] = {};
    inet_ntop(is_v4 ? AF_INET : AF_INET6, range.bytes + (is_v4 ? 12 : 0), out, sizeof out);
    return out;
}

Parsed<Cidr> parse_range(std::string_view text) {
    Cidr range;
    range.text = text;
    const std::size_t slash = text.find('/');
    const auto address = canonical_ip(text.substr(0, slash));
    if (!address) {
        return refusal(in_quotes(text) +
                       " is not an address range; expected one like '10.0.0.0/8' or " +
                       "'fd00::/8', 'private' or 'loopback'");
    }
    const bool is_v4 = address->find(':') == std::string::npos;
    set_bytes(range, *address);
    if (slash == std::string_view::npos) return range;
    const auto prefix = parse_number(text.substr(slash + 1), 0, is_v4 ? 32 : 128);
    if (!prefix) return refusal(in_quotes(text) + " has a bad prefix: " + prefix.error().message);
    range.prefix = static_cast<std::uint8_t>(*prefix + (is_v4 ? 96 : 0));
    if (clear_host_bits(range)) {
        return refusal(in_quotes(text) + " has bits behind its prefix; expected '" +
                       address_text(range, is_v4) + "/" + std::to_string(*prefix) + "'");
    }
    return range;
}

}  // namespace

Parsed<std::vector<Cidr>> parse_ranges(std::string_view text) {
    std::vector<Cidr> ranges;
    const auto add_all = [&](const auto& list) {
        for (const std::string_view one : list) {
            ranges.push_back(*parse_range(one));
            ranges.back().text = text;
        }
    };
    if (text == "private") {
        add_all(kPrivate);
    } else if (text == "loopback") {
        add_all(kLoopback);
    } else {
        auto range = parse_range(text);
        if (!range) return range.error();
        ranges.push_back(*std::move(range));
    }
    return ranges;
}

bool contains(const Cidr& range, const std::uint8_t (&address)[16]) noexcept {
    const std::size_t whole = range.prefix / 8;
    if (!std::equal(range.bytes, range.bytes + whole, address)) return false;
    const unsigned rest = range.prefix % 8;
    if (rest == 0) return true;
    const unsigned mask = 0xff00u >> rest;
    return ((range.bytes[whole] ^ address[whole]) & mask & 0xff) == 0;
}

bool contains_any(const std::vector<Cidr>& ranges, const std::uint8_t (&address)[16]) noexcept {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const Cidr& range) { return contains(range, address); });
}

}  // namespace switchyard::config
