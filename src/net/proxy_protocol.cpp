#include "net/proxy_protocol.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <netinet/in.h>

namespace switchyard::net {

namespace {

using State = ProxyHeader::State;

constexpr std::string_view kWord = "PROXY ";  ///< Version 1.
constexpr std::size_t kMaxLine = 107;         ///< With its end (§2.1).
constexpr std::size_t kFixed = 16;            ///< Of version 2: before the addresses.

// Version 2: the fourteenth octet, and the halves of the one after (§2.2).
constexpr std::uint8_t kLocal = 0x20;
constexpr std::uint8_t kProxy = 0x21;
enum Family : std::uint8_t { unspecified, inet, inet6, local_socket };
constexpr std::array<std::size_t, 4> kAddressBytes = {0, 12, 36, 216};
constexpr std::uint8_t kLastTransport = 2;  ///< Datagrams; 1: a stream, 0: unspecified.

// Additional fields (§2.2.1 and further).
constexpr std::size_t kFieldHead = 3;
constexpr std::uint8_t kChecksum = 0x03;

ProxyHeader malformed(std::string_view problem) noexcept {
    ProxyHeader header;
    header.state = State::malformed;
    header.problem = problem;
    return header;
}

std::uint8_t octet(std::string_view text, std::size_t at) noexcept {
    return static_cast<std::uint8_t>(text[at]);
}

std::uint32_t number(std::string_view text) noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        value = value << 8 | octet(text, i);
    return value;
}

Address address_of(std::string_view raw, std::uint16_t port) noexcept {
    Address address;
    if (raw.size() == 4) {
        auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        std::memcpy(&in->sin_addr, raw.data(), raw.size());
        address.size = sizeof *in;
    } else {
        auto* in6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        std::memcpy(&in6->sin6_addr, raw.data(), raw.size());
        address.size = sizeof *in6;
    }
    return address;
}

/// Decimal, no sign, no leading zero (§2.1).
bool parse_port(std::string_view text, std::uint16_t& port) noexcept {
    if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size();
}

bool parse_ip(std::string_view text, int family, Address& address) {
    // What inet_pton takes is a string that ends, and nothing that is longer.
    if (text.empty() || text.size() >= 46 || text.find('\0') != std::string_view::npos)
        return false;
    const auto parsed = make_address(text, 0);
    if (!parsed || parsed->family() != family) return false;
    address = *parsed;
    return true;
}

void set_port(Address& address, std::uint16_t port) noexcept {
    if (address.family() == AF_INET) {
        reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(port);
    } else {
        reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port = htons(port);
    }
}

/// Everything up to the space, which is taken off too.
std::string_view take_word(std::string_view& line) noexcept {
    const std::size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view() : line.substr(end + 1);
    return word;
}

ProxyHeader parse_line(std::string_view received) {
    const std::size_t end = received.substr(0, kMaxLine).find('\n');
    if (end == std::string_view::npos) {
        if (received.size() >= kMaxLine) return malformed("the line has more than 107 octets");
        return {};
    }
    if (end < kWord.size() || received[end - 1] != '\r') {
        return malformed("the line does not end with CR LF");
    }
    ProxyHeader header;
    header.size = end + 1;
    std::string_view line = received.substr(kWord.size(), end - 1 - kWord.size());
    const std::string_view protocol = take_word(line);
    if (protocol == "UNKNOWN") {  // What stands behind it is to be ignored.
        header.state = State::complete;
        return header;
    }
    if (protocol != "TCP4" && protocol != "TCP6") {
        return malformed("neither TCP4, TCP6 nor UNKNOWN");
    }
    const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
    if (!parse_ip(take_word(line), family, header.client) ||
        !parse_ip(take_word(line), family, header.server)) {
        return malformed("an address that is none");
    }
    std::uint16_t client_port = 0;
    std::uint16_t server_port = 0;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || !parse_port(line.substr(0, space), client_port) ||
        !parse_port(line.substr(space + 1), server_port)) {
        return malformed("a port that is none");
    }
    set_port(header.client, client_port);
    set_port(header.server, server_port);
    header.named = true;
    header.state = State::complete;
    return header;
}

/// CRC32c (RFC 9260, Appendix A) of the header, with the checksum's own four octets at `at` as
/// zeros.
std::uint32_t checksum(std::string_view header, std::size_t at) noexcept {
    std::uint32_t crc = 0xFFFFFFFF;
    for (std::size_t i = 0; i < header.size(); ++i) {
        crc ^= i >= at && i < at + 4 ? 0U : octet(header, i);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    }
    return ~crc;
}

/// Empty: they are in order.
std::string_view problem_of_fields(std::string_view header, std::size_t at) noexcept {
    while (at < header.size()) {
        if (header.size() - at < kFieldHead) return "additional fields that are cut off";
        const std::size_t size = number(header.substr(at + 1, 2));
        const std::uint8_t type = octet(header, at);
        at += kFieldHead;
        if (header.size() - at < size) return "an additional field that is longer than the header";
        if (type == kChecksum) {
            if (size != 4) return "a checksum that has not four octets";
            if (number(header.substr(at, 4)) != checksum(header, at)) return "a wrong checksum";
        }
        at += size;
    }
    return {};
}

ProxyHeader parse_binary(std::string_view received) noexcept {
    std::size_t at = kProxySignature.size();
    if (received.size() <= at) return {};
    const std::uint8_t command = octet(received, at++);
    if (command != kLocal && command != kProxy) {
        return malformed("a version or command that is not known");
    }
    if (received.size() < kFixed) return {};
    const std::uint8_t kind = octet(received, at++);
    ProxyHeader header;
    header.size = kFixed + number(received.substr(at, 2));
    const auto family = static_cast<std::uint8_t>(kind >> 4);
    const bool known = family < kAddressBytes.size() && (kind & 0x0F) <= kLastTransport;
    if (command == kProxy) {
        if (!known) return malformed("an address family or transport that is not known");
        if (header.size < kFixed + kAddressBytes[family]) {
            return malformed("too short for its addresses");
        }
    }
    if (header.size > kMaxProxyHeader) return malformed("longer than 4096 octets");
    if (received.size() < header.size) return {};
    header.state = State::complete;
    // Everything else is to be ignored (§2.2).
    if (command == kLocal || family == unspecified) return header;
    const std::string_view whole = received.substr(0, header.size);
    const auto problem = problem_of_fields(whole, kFixed + kAddressBytes[family]);
    if (!problem.empty()) return malformed(problem);
    if (family == local_socket) return header;
    const std::size_t size = family == inet ? 4 : 16;
    const auto port = [&](std::size_t index) {
        return static_cast<std::uint16_t>(number(whole.substr(kFixed + 2 * size + 2 * index, 2)));
    };
    header.client = address_of(whole.substr(kFixed, size), port(0));
    header.server = address_of(whole.substr(kFixed + size, size), port(1));
    header.named = true;
    return header;
}

void append_number(std::string& out, std::uint16_t value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value & 0xFF);
}

bool is_ip(const Address& address) noexcept {
    return address.family() == AF_INET || address.family() == AF_INET6;
}

/// An IPv4 address that came in the form of an IPv6 one counts as what it is.
bool is_ipv4(const std::uint8_t (&bytes)[16]) noexcept {
    return std::all_of(bytes, bytes + 10, [](std::uint8_t byte) { return byte == 0; }) &&
           bytes[10] == 0xff && bytes[11] == 0xff;
}

/// In the form that the header's family has.
std::string text_of(const Address& address, bool ipv4) {
    if (ipv4) return address.host_text();
    const std::string text = address.host_text();
    return text.find(':') == std::string::npos ? "::ffff:" + text : text;
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view received) {
    const auto begins_like = [received](std::string_view mark) {
        const std::size_t size = std::min(received.size(), mark.size());
        return received.substr(0, size) == mark.substr(0, size);
    };
    if (begins_like(kProxySignature)) return parse_binary(received);
    if (begins_like(kWord))
        return received.size() <= kWord.size() ? ProxyHeader() : parse_line(received);
    ProxyHeader header;
    header.state = State::absent;
    header.problem = "no header";
    return header;
}

void append_proxy_header(std::string& out, ProxyProtocol version, const Address& client,
                         const Address& server) {
    if (version == ProxyProtocol::off) return;
    if (!is_ip(client) || !is_ip(server)) {
        out += own_proxy_header(version);
        return;
    }
    std::uint8_t from[16];
    std::uint8_t to[16];
    client.bytes16(from);
    server.bytes16(to);
    const bool ipv4 = is_ipv4(from) && is_ipv4(to);
    if (version == ProxyProtocol::v1) {
        out += ipv4 ? "PROXY TCP4 " : "PROXY TCP6 ";
        out += text_of(client, ipv4) + ' ' + text_of(server, ipv4) + ' ';
        out += std::to_string(client.port()) + ' ' + std::to_string(server.port()) + "\r\n";
        return;
    }
    const std::size_t skip = ipv4 ? 12 : 0;
    out += kProxySignature;
    out += static_cast<char>(kProxy);
    out += ipv4 ? '\x11' : '\x21';
    append_number(out, static_cast<std::uint16_t>(kAddressBytes[ipv4 ? inet : inet6]));
    out.append(reinterpret_cast<const char*>(from) + skip, sizeof from - skip);
    out.append(reinterpret_cast<const char*>(to) + skip, sizeof to - skip);
    append_number(out, client.port());
    append_number(out, server.port());
}

}  // namespace switchyard::net
