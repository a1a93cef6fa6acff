#pragma once

#include "admin/print/text.hpp"

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

/// Canaries on the screen.
namespace switchyard::admin {

/// "5%", "0.25%".
std::string percent_of(const boost::json::value& from, std::string_view key);

/// The event "canary", or the answer to a change of the share: a title, then rows.
std::string print_canary_changed(const boost::json::value& event, const Screen& screen);
/// The event "drained" after its end.
std::string print_canary_drained(const boost::json::value& event, const Screen& screen);
std::string print_canary_plan(const boost::json::value& plan, const Screen& screen);
/// The answer to "GET /v1/services/{name}/canary".
std::string print_canary(const boost::json::value& answer, const Screen& screen);

/// `canary` of a service's status: both sides and the verdict; empty: none runs.
std::string canary_block(const boost::json::value& service, const std::string& now,
                         const Screen& screen);
/// Its share; empty: none runs.
std::string canary_share(const boost::json::value& service);
/// It is not healthy, or its side differs from live.
bool canary_needs_look(const boost::json::value& service);

}  // namespace switchyard::admin
