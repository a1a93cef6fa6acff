#pragma once

#include "route/decision.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace switchyard::route {

/// What a request has to do with a canary; goes on through its retries, so that its client keeps
/// its point. Plain memory.
struct CanaryVisit {
    std::uint64_t run = 0;  ///< Of the canary that the rest is about; 0: none yet.
    std::uint32_t point = 0;
    bool known = false;  ///< The client has a point.
    bool drawn = false;  ///< It had none before.
    bool wants_cookie = false;
    bool compared = false;  ///< Its end counts for the comparison of the two sides.
    bool failed = false;    ///< A try on the canary failed.
    bool belongs = false;   ///< To the canary, wherever it went.
    observe::CanaryReason reason{};
};

/// What is known of the client besides its request.
struct CanaryClient {
    std::string_view address;  ///< Needed with Stick::address only; empty: unknown.
    std::uint64_t draw = 0;    ///< Random; for a client that has to be given a point.
    std::uint64_t now_ns = 0;  ///< Steady.
    std::int64_t now = -1;     ///< Unix seconds; -1: the clock is looked at when it is needed.
    std::span<const std::uint32_t> tried;  ///< Targets that this request failed on.
};

/// Whether a target of the slot may serve: one that is not unhealthy, not ejected, and not tried.
[[nodiscard]] bool may_serve(const SlotState& slot, std::uint64_t now_ns,
                             std::span<const std::uint32_t> tried) noexcept;

/// The point of a client that is told by a text: the same on every worker and after a restart.
[[nodiscard]] std::uint32_t canary_point(std::string_view service, std::uint64_t run,
                                         std::string_view client) noexcept;

/// The second part of decide() for services with a canary that runs, after the preview (C16):
/// `live` is what the request gets without it. By snapshot, request and client alone; does not
/// allocate.
[[nodiscard]] Decision decide_canary(const Decision& live, const http::RequestHead& request,
                                     const CanaryClient& client, CanaryVisit& visit) noexcept;

}  // namespace switchyard::route
