#include "route/canary_cookie.hpp"

#include "observe/canary_counts.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace switchyard::route {

namespace {

constexpr std::string_view kPurpose = "switchyard canary\nv1\n";
constexpr std::string_view kVersion = "v1";

/// The MAC over run, service and "POINT.EXPIRES.KEY" (none has a line's end in it).
bool mac_of(const PassKey& key, std::string_view service, std::uint64_t run,
            std::string_view claims, Mac& out) noexcept {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), run);
    const std::string_view number(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
    return sign(key, {kPurpose, number, "\n", service, "\n", claims}, out);
}

/// Digits without a leading zero.
bool parse_point(std::string_view text, std::uint32_t& out) noexcept {
    if (text.empty() || text.size() > 4 || (text.size() > 1 && text.front() == '0')) return false;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, out);
    return result.ec == std::errc() && result.ptr == end && out < observe::kCanaryPoints;
}

}  // namespace

bool append_canary_cookie(std::string& out, const PassKey& key, std::string_view service,
                          std::uint64_t run, const CanaryCookie& cookie) {
    const std::size_t begin = out.size();
    out.append(kVersion).append(".");
    const std::size_t claims = out.size();
    out.append(std::to_string(cookie.point)).append(".");
    out.append(std::to_string(cookie.expires)).append(".").append(key.id);
    Mac mac{};
    if (!mac_of(key, service, run, std::string_view(out).substr(claims), mac)) {
        out.resize(begin);
        return false;
    }
    out.append(".").append(mac.data(), mac.size());
    return true;
}

std::optional<CanaryCookie> check_canary_cookie(std::string_view text,
                                                std::span<const PassKey> keys,
                                                std::string_view service, std::uint64_t run,
                                                std::int64_t now, std::int64_t longest) noexcept {
    std::string_view rest = text;
    if (take_part(rest) != kVersion) return std::nullopt;
    if (rest.size() < kMacSize + 1) return std::nullopt;
    const std::string_view claims = rest.substr(0, rest.size() - kMacSize - 1);
    CanaryCookie cookie;
    if (!parse_point(take_part(rest), cookie.point)) return std::nullopt;
    if (!parse_seconds(take_part(rest), cookie.expires)) return std::nullopt;
    const std::string_view key_id = take_part(rest);
    if (rest.size() != kMacSize) return std::nullopt;
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const PassKey& entry) { return entry.id == key_id; });
    if (key == keys.end()) return std::nullopt;
    Mac mac{};
    if (!mac_of(*key, service, run, claims, mac) || !same_mac(mac, rest)) return std::nullopt;
    if (cookie.expires <= now || cookie.expires - now > longest + kClockSkew) return std::nullopt;
    return cookie;
}

}  // namespace switchyard::route
