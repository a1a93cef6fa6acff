#include "relay/websocket_handshake.hpp"

#include <array>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/rand.h>

namespace switchyard::relay {

namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3
constexpr std::size_t kKeyOctets = 16;
constexpr std::size_t kDigestOctets = 20;

/// Octets that `size` become in base64 (RFC 4648 §4), without the NUL that OpenSSL adds.
constexpr std::size_t encoded(std::size_t size) noexcept {
    return (size + 2) / 3 * 4;
}

}  // namespace

std::string new_websocket_key() {
    std::array<unsigned char, kKeyOctets> random{};
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
        throw std::runtime_error("no random octets for a WebSocket's key");
    }
    std::array<unsigned char, encoded(kKeyOctets) + 1> text{};
    EVP_EncodeBlock(text.data(), random.data(), static_cast<int>(random.size()));
    return {reinterpret_cast<const char*>(text.data()), encoded(kKeyOctets)};
}

bool answers_websocket_key(std::string_view accept, std::string_view key) noexcept {
    std::array<char, encoded(kKeyOctets) + kGuid.size()> whole{};
    if (key.size() + kGuid.size() != whole.size()) return false;
    key.copy(whole.data(), key.size());
    kGuid.copy(whole.data() + key.size(), kGuid.size());
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(whole.data(), whole.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1 ||
        size != kDigestOctets) {
        return false;
    }
    std::array<unsigned char, encoded(kDigestOctets) + 1> text{};
    EVP_EncodeBlock(text.data(), digest.data(), kDigestOctets);
    return accept ==
           std::string_view(reinterpret_cast<const char*>(text.data()), encoded(kDigestOctets));
}

}  // namespace switchyard::relay
