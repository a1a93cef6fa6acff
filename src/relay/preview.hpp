#pragma once

#include "http/head.hpp"
#include "relay/flight.hpp"

#include <string>
#include <string_view>

/// What is different for a request that belongs to a preview of the idle slot (docs/preview.md).
/// Who may see one is decided in route/decision.
namespace switchyard::relay {

/// Whether what the client sent of previews is to be taken out before the request goes on: as a
/// rule, and also where it opened nothing.
[[nodiscard]] bool hides_preview(const Flight& flight) noexcept;

/// Takes the fields out of a response that tell caches (RFC 9111, RFC 9213) or robots what they
/// may do: in a preview the proxy says that itself.
void drop_caching_fields(http::Fields& fields) noexcept;

/// The target as the access log may show it. Into `scratch` if it had a pass in it.
[[nodiscard]] std::string_view without_pass(std::string_view target, std::string& scratch) noexcept;

/// A sentence for error pages of previews; empty: this is none.
[[nodiscard]] std::string_view preview_note(const Flight& flight) noexcept;

}  // namespace switchyard::relay
