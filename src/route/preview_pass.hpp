#pragma once

#include "route/signature.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Passes to the idle slot of a service: signed, expiring, and good for that service alone.
///
///   v1.EXPIRES.ID.KEY.MAC
///
/// EXPIRES is Unix time in seconds, ID names the pass in logs, KEY says which secret signed it, and
/// MAC is the signature (route/signature) over the other four and the service's name. Only
/// unreserved characters (RFC 3986 §2.3), so a pass stands in a header, a cookie and a query as it
/// is. Pure; any thread.
namespace switchyard::route {

/// Without secrets this is what opens a preview.
inline constexpr std::string_view kOpenPass = "idle";

/// Whether `id` may name a pass: 1 to 32 letters, digits, '-' or '_'.
[[nodiscard]] bool valid_pass_id(std::string_view id) noexcept;

/// Ten random hexadecimal digits. Throws std::runtime_error without randomness.
[[nodiscard]] std::string new_pass_id();

/// A pass for `service` until `expires`; `id` as above. Throws std::runtime_error if OpenSSL can't
/// compute digests.
[[nodiscard]] std::string make_pass(const PassKey& key, std::string_view service,
                                    std::int64_t expires, std::string_view id);

/// What a valid pass says; views into its text.
struct Pass {
    std::int64_t expires = 0;
    std::string_view id;
};

/// The pass, if one of the keys signed it for this service and it is valid at `now`; `longest`: a
/// pass that lasts longer than this from now on is none (both in seconds). The signature is
/// compared in constant time, and first of all: nothing else of a text decides before it, but its
/// shape and the key it names. Does not allocate, does not throw.
[[nodiscard]] std::optional<Pass> check_pass(std::string_view text, std::span<const PassKey> keys,
                                             std::string_view service, std::int64_t now,
                                             std::int64_t longest) noexcept;

}  // namespace switchyard::route
