#pragma once

#include "http/head.hpp"
#include "route/snapshot.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace switchyard::route {

/// Why a request gets the slot that it gets.
enum class Way : std::uint8_t { live, preview, canary };

/// What a request has to do with previews; goes on through its retries. Plain memory, so that a
/// request without any of it costs a few stores.
struct PreviewVisit {
    bool signs = false;        ///< The request carries something of it, good or not.
    bool granted = false;      ///< It may see the idle slot.
    bool link = false;         ///< By a link, whose pass is `pass`: wants the cookie.
    bool leave = false;        ///< Asks for its cookie to be taken away.
    std::int64_t expires = 0;  ///< Unix seconds; of a signed link.
    std::string_view pass;     ///< View into the request.
    std::string_view id;       ///< View into the request; for logs. "open" without a secret.
};

/// What a link with this value does: it ends the preview of a browser that is in one.
inline constexpr std::string_view kLeavePass = "off";

struct Decision {
    const ServiceState* service = nullptr;  ///< Null: there is none for this host and path.
    const SlotState* slot = nullptr;        ///< Set with `service`.
    Way way = Way::live;
    /// What stands before the service (C15, maintenance); not for Way::preview, else never null,
    /// but what it points to is where nothing does.
    const std::shared_ptr<const Gate>* gate = nullptr;
};

/// Which service and which slot a request gets (C16: preview before canary before live), by this
/// snapshot alone. `host` in lower case without port. A pass that does not open the preview changes
/// nothing: the decision is the one that the request would get without it. Does not allocate; looks
/// at the clock (Unix seconds) only when there is a pass to check. Where a canary runs,
/// decide_canary() (route/canary_decision) goes on from Way::live.
[[nodiscard]] Decision decide(const Snapshot& snapshot, std::string_view host,
                              const http::RequestHead& request, PreviewVisit& visit) noexcept;

/// The second half of decide(), at a given time.
[[nodiscard]] Decision decide_at(const Snapshot& snapshot, std::string_view host,
                                 const http::RequestHead& request, std::int64_t now,
                                 PreviewVisit& visit) noexcept;

/// Whether a target of the slot may answer: one that is healthy, or that nothing is known of yet.
[[nodiscard]] bool may_answer(const SlotState& slot) noexcept;

}  // namespace switchyard::route
