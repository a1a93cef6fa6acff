#pragma once

#include "config/config.hpp"
#include "http/head.hpp"
#include "route/gate.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace switchyard::relay {

/// Whether a client that sends this Accept would rather have JSON than HTML (RFC 9110 §12.5.1, by
/// the order of the list and q=0; finer weights don't matter for an error page).
[[nodiscard]] bool prefers_json(std::string_view accept) noexcept;

/// Puts the page for `status` into `body`: the configured one when there is one, else ours.
/// Returns its content type. A `note` (plain text without markup characters) is said before the
/// advice, and always on our page: who sees a preview has to know it. `retry_after`: seconds, as
/// the field of that name says.
std::string_view make_error_page(std::string& body, unsigned status, std::string_view code,
                                 std::string_view request_id, bool json,
                                 const std::map<unsigned, config::ErrorPage>& pages,
                                 std::string_view note = {}, std::string_view retry_after = "1");

/// The same for a service under maintenance: its own page when it has one, else that for 503, else
/// ours.
std::string_view make_maintenance_page(std::string& body, const route::Gate& gate,
                                       std::string_view request_id, bool json,
                                       const std::map<unsigned, config::ErrorPage>& pages);

}  // namespace switchyard::relay
