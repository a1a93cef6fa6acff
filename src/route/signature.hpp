#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

/// What passes of previews and cookies of canaries are signed with: HMAC-SHA256 (RFC 2104) in
/// base64url (RFC 4648 §5) without padding. Pure; any thread.
namespace switchyard::route {

/// A text that a machine made may be valid this much longer than the longest time allowed, since
/// its clock may be ahead; seconds. (It ends when the clock of the one that checks it says so.)
inline constexpr std::int64_t kClockSkew = 60;

/// One secret; `id` is told by it and tells nothing of it.
struct PassKey {
    std::string secret;
    std::string id;  ///< Eight hexadecimal digits.
};

/// Throws std::runtime_error if OpenSSL can't compute digests.
[[nodiscard]] PassKey make_pass_key(std::string secret);

/// 32 bytes in base64url without padding.
inline constexpr std::size_t kMacSize = 43;
using Mac = std::array<char, kMacSize>;

/// The MAC over all parts, one after another: whoever calls sees to it that no two lists of parts
/// make one text. Begin with a purpose, so that a secret may serve several. False: it is too long
/// (256 bytes), or OpenSSL can't. Does not allocate.
[[nodiscard]] bool sign(const PassKey& key, std::initializer_list<std::string_view> parts,
                        Mac& out) noexcept;

/// In constant time.
[[nodiscard]] bool same_mac(const Mac& mac, std::string_view text) noexcept;

/// Takes the part up to the next '.', or all of it.
[[nodiscard]] std::string_view take_part(std::string_view& text) noexcept;

/// Unix seconds: digits without a leading zero; at most 12, so that no sum of two overflows.
[[nodiscard]] bool parse_seconds(std::string_view text, std::int64_t& out) noexcept;

/// `bytes` random ones in hexadecimal. Throws std::runtime_error without randomness.
[[nodiscard]] std::string random_hex(std::size_t bytes);

}  // namespace switchyard::route
