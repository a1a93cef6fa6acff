#include "net/address.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>

namespace switchyard::net {

namespace {
constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// "192.0.2.1": each connection needs it, and inet_ntop goes through printf.
std::string ipv4_text(const std::uint8_t* raw) {
    char text[INET_ADDRSTRLEN];
    char* at = text;
    for (int i = 0; i < 4; ++i) {
        if (i > 0) *at++ = '.';
        at = std::to_chars(at, text + sizeof text, raw[i]).ptr;
    }
    return {text, at};
}
}  // namespace

std::uint16_t Address::port() const noexcept {
    if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
    if (family() == AF_INET6) {
        return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    }
    return 0;
}

std::string Address::host_text() const {
    if (family() == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(&storage);
        return ipv4_text(reinterpret_cast<const std::uint8_t*>(&in->sin_addr));
    }
    if (family() == AF_INET6) {
        const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&storage);
        const auto* raw = in6->sin6_addr.s6_addr;
        if (std::memcmp(raw, kMappedPrefix, sizeof kMappedPrefix) == 0) return ipv4_text(raw + 12);
        char text[INET6_ADDRSTRLEN] = {};
        ::inet_ntop(AF_INET6, raw, text, sizeof text);
        return text;
    }
    return "unix";
}

std::string Address::text() const {
    if (family() == AF_INET) return host_text() + ':' + std::to_string(port());
    if (family() == AF_INET6) return '[' + host_text() + "]:" + std::to_string(port());
    return "unix";
}

void Address::bytes16(std::uint8_t (&out)[16]) const noexcept {
    std::memset(out, 0, sizeof out);
    if (family() == AF_INET) {
        std::memcpy(out, kMappedPrefix, sizeof kMappedPrefix);
        std::memcpy(out + 12, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, 4);
    } else if (family() == AF_INET6) {
        std::memcpy(out, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, 16);
    }
}

std::optional<Address> make_address(std::string_view host, std::uint16_t port) {
    const std::string text(host);
    Address address;
    auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
    if (::inet_pton(AF_INET, text.c_str(), &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        address.size = sizeof(sockaddr_in);
        return address;
    }
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (::inet_pton(AF_INET6, text.c_str(), &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        address.size = sizeof(sockaddr_in6);
        return address;
    }
    return std::nullopt;
}

std::optional<Address> local_address(int fd) {
    Address address;
    address.size = sizeof address.storage;
    if (::getsockname(fd, address.get(), &address.size) != 0) return std::nullopt;
    return address;
}

}  // namespace switchyard::net
