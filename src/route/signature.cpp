#include "route/signature.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace switchyard::route {

namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kKeyIdSize = 8;
constexpr std::string_view kKeyPurpose = "switchyard preview key";
constexpr char kHex[] = "0123456789abcdef";

using Digest = std::array<unsigned char, kDigestBytes>;

bool digest_of(std::string_view secret, std::string_view text, Digest& out) noexcept {
    unsigned size = 0;
    return ::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                  reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(),
                  &size) != nullptr &&
           size == kDigestBytes;
}

Mac base64url(const Digest& digest) noexcept {
    static constexpr char kDigits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    Mac out{};
    std::size_t bits = 0;
    std::uint32_t held = 0;
    std::size_t at = 0;
    for (const unsigned char byte : digest) {
        held = held << 8 | byte;
        bits += 8;
        while (bits >= 6) {
            bits -= 6;
            out[at++] = kDigits[held >> bits & 63];
        }
    }
    out[at] = kDigits[held << (6 - bits) & 63];
    return out;
}

}  // namespace

PassKey make_pass_key(std::string secret) {
    Digest digest{};
    if (!digest_of(secret, kKeyPurpose, digest)) {
        throw std::runtime_error("HMAC-SHA256 is not available");
    }
    PassKey key;
    for (std::size_t i = 0; i < kKeyIdSize / 2; ++i) {
        key.id += kHex[digest[i] >> 4];
        key.id += kHex[digest[i] & 15];
    }
    key.secret = std::move(secret);
    return key;
}

bool sign(const PassKey& key, std::initializer_list<std::string_view> parts, Mac& out) noexcept {
    std::array<char, 256> text{};
    std::size_t size = 0;
    for (const std::string_view part : parts) {
        if (part.size() > text.size() - size) return false;
        std::copy(part.begin(), part.end(), text.begin() + static_cast<std::ptrdiff_t>(size));
        size += part.size();
    }
    Digest digest{};
    if (!digest_of(key.secret, {text.data(), size}, digest)) return false;
    out = base64url(digest);
    return true;
}

bool same_mac(const Mac& mac, std::string_view text) noexcept {
    return text.size() == mac.size() && ::CRYPTO_memcmp(mac.data(), text.data(), mac.size()) == 0;
}

std::string_view take_part(std::string_view& text) noexcept {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view part = text.substr(0, dot);
    text.remove_prefix(std::min(dot + 1, text.size()));
    return part;
}

bool parse_seconds(std::string_view text, std::int64_t& out) noexcept {
    if (text.empty() || text.size() > 12 || text.front() < '1' || text.front() > '9') return false;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, out);
    return result.ec == std::errc() && result.ptr == end;
}

std::string random_hex(std::size_t bytes) {
    std::vector<unsigned char> drawn(bytes);
    if (::RAND_bytes(drawn.data(), static_cast<int>(drawn.size())) != 1) {
        throw std::runtime_error("there is no randomness");
    }
    std::string text;
    for (const unsigned char byte : drawn) {
        text += kHex[byte >> 4];
        text += kHex[byte & 15];
    }
    return text;
}

}  // namespace switchyard::route
