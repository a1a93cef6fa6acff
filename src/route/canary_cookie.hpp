#pragma once

#include "route/signature.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The cookie that tells where a client stands while a canary runs:
///
///   v1.POINT.EXPIRES.KEY.MAC
///
/// POINT is one of kCanaryPoints, not a slot: a client whose point is below the share belongs to
/// the canary, so no change of the share makes a cookie wrong. Many clients stand at one point, so
/// it tells nobody who they are. EXPIRES is Unix time in seconds, KEY says which secret signed it,
/// and MAC is the signature (route/signature) over the other four, the service's name and the
/// canary's run: a later canary has other clients. Only unreserved characters (RFC 3986 §2.3).
/// Pure; any thread.
namespace switchyard::route {

struct CanaryCookie {
    std::uint32_t point = 0;
    std::int64_t expires = 0;
};

/// Puts the value into `out`, which keeps its memory. False: OpenSSL can't compute digests.
[[nodiscard]] bool append_canary_cookie(std::string& out, const PassKey& key,
                                        std::string_view service, std::uint64_t run,
                                        const CanaryCookie& cookie);

/// What a valid cookie says: one of the keys signed it, for this service and this run, and it ends
/// after `now`, but no more than `longest` seconds from then. Does not allocate, does not throw.
[[nodiscard]] std::optional<CanaryCookie> check_canary_cookie(std::string_view text,
                                                              std::span<const PassKey> keys,
                                                              std::string_view service,
                                                              std::uint64_t run, std::int64_t now,
                                                              std::int64_t longest) noexcept;

}  // namespace switchyard::route
