#include "route/preview_pass.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace switchyard::route {

namespace {

constexpr std::size_t kDigestBytes = 32;
/// 32 bytes in base64url without padding.
constexpr std::size_t kMacSize = 43;
constexpr std::size_t kKeyIdSize = 8;
constexpr std::size_t kMaxIdSize = 32;
/// What is signed begins with this, so that a secret may serve other purposes as well.
constexpr std::string_view kPurpose = "switchyard preview\nv1\n";
constexpr std::string_view kKeyPurpose = "switchyard preview key";
constexpr std::string_view kVersion = "v1";
constexpr char kHex[] = "0123456789abcdef";

using Digest = std::array<unsigned char, kDigestBytes>;
using Mac = std::array<char, kMacSize>;

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

/// The MAC over service and "EXPIRES.ID.KEY" (neither has a line's end in it).
bool mac_of(const PassKey& key, std::string_view service, std::string_view claims,
            Mac& out) noexcept {
    std::array<char, 256> text{};
    if (kPurpose.size() + service.size() + 1 + claims.size() > text.size()) return false;
    char* at = text.data();
    for (const std::string_view part : {kPurpose, service, std::string_view("\n"), claims})
        at = std::copy(part.begin(), part.end(), at);
    Digest digest{};
    const auto size = static_cast<std::size_t>(at - text.data());
    if (!digest_of(key.secret, {text.data(), size}, digest)) return false;
    out = base64url(digest);
    return true;
}

/// Takes the part up to the next '.', or all of it.
std::string_view take_part(std::string_view& text) noexcept {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view part = text.substr(0, dot);
    text.remove_prefix(std::min(dot + 1, text.size()));
    return part;
}

/// Digits without a leading zero; at most 12, so that no sum of two overflows.
bool parse_time(std::string_view text, std::int64_t& out) noexcept {
    if (text.empty() || text.size() > 12 || text.front() < '1' || text.front() > '9') return false;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, out);
    return result.ec == std::errc() && result.ptr == end;
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

bool valid_pass_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= kMaxIdSize && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

std::string new_pass_id() {
    std::array<unsigned char, 5> bytes{};
    if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        throw std::runtime_error("there is no randomness");
    }
    std::string id;
    for (const unsigned char byte : bytes) {
        id += kHex[byte >> 4];
        id += kHex[byte & 15];
    }
    return id;
}

std::string make_pass(const PassKey& key, std::string_view service, std::int64_t expires,
                      std::string_view id) {
    std::string claims = std::to_string(expires);
    claims.append(".").append(id).append(".").append(key.id);
    Mac mac{};
    if (!mac_of(key, service, claims, mac)) {
        throw std::runtime_error("HMAC-SHA256 is not available");
    }
    std::string pass(kVersion);
    pass.append(".").append(claims).append(".").append(mac.data(), mac.size());
    return pass;
}

std::optional<Pass> check_pass(std::string_view text, std::span<const PassKey> keys,
                               std::string_view service, std::int64_t now,
                               std::int64_t longest) noexcept {
    std::string_view rest = text;
    if (take_part(rest) != kVersion) return std::nullopt;
    if (rest.size() < kMacSize + 1) return std::nullopt;
    const std::string_view claims = rest.substr(0, rest.size() - kMacSize - 1);
    Pass pass;
    if (!parse_time(take_part(rest), pass.expires)) return std::nullopt;
    pass.id = take_part(rest);
    const std::string_view key_id = take_part(rest);
    if (!valid_pass_id(pass.id) || rest.size() != kMacSize) return std::nullopt;
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const PassKey& entry) { return entry.id == key_id; });
    if (key == keys.end()) return std::nullopt;
    Mac mac{};
    if (!mac_of(*key, service, claims, mac)) return std::nullopt;
    if (::CRYPTO_memcmp(mac.data(), rest.data(), kMacSize) != 0) return std::nullopt;
    if (pass.expires <= now || pass.expires - now > longest + kClockSkew) return std::nullopt;
    return pass;
}

}  // namespace switchyard::route
