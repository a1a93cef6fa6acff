#include "route/preview_pass.hpp"

#include <algorithm>
#include <stdexcept>

namespace switchyard::route {

namespace {

constexpr std::size_t kMaxIdSize = 32;
/// What is signed begins with this, so that a secret may serve other purposes as well.
constexpr std::string_view kPurpose = "switchyard preview\nv1\n";
constexpr std::string_view kVersion = "v1";

/// The MAC over service and "EXPIRES.ID.KEY" (neither has a line's end in it).
bool mac_of(const PassKey& key, std::string_view service, std::string_view claims,
            Mac& out) noexcept {
    return sign(key, {kPurpose, service, "\n", claims}, out);
}

}  // namespace

bool valid_pass_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= kMaxIdSize && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

std::string new_pass_id() {
    return random_hex(5);
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
    if (!parse_seconds(take_part(rest), pass.expires)) return std::nullopt;
    pass.id = take_part(rest);
    const std::string_view key_id = take_part(rest);
    if (!valid_pass_id(pass.id) || rest.size() != kMacSize) return std::nullopt;
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const PassKey& entry) { return entry.id == key_id; });
    if (key == keys.end()) return std::nullopt;
    Mac mac{};
    if (!mac_of(*key, service, claims, mac)) return std::nullopt;
    if (!same_mac(mac, rest)) return std::nullopt;
    if (pass.expires <= now || pass.expires - now > longest + kClockSkew) return std::nullopt;
    return pass;
}

}  // namespace switchyard::route
