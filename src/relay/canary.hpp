#pragma once

#include "http/head.hpp"
#include "relay/flight.hpp"

#include <string>
#include <string_view>

/// What is different for a request of a service that has a canary (docs/canary.md). Which side it
/// goes to is decided in route/canary_decision.
namespace switchyard::relay {

/// Takes the canary's cookie out of what goes to the application, also while none runs: browsers
/// go on sending it for a while.
void hide_canary_cookie(Flight& flight);

/// A Cache-Control value that says the same as `value`, but keeps shared caches from storing the
/// response (RFC 9111 §5.2.2.7). Into `out`.
void make_private(std::string_view value, std::string& out);

/// Makes a response private that could be stored by a shared cache, so that nobody else gets the
/// cookie in it. What changes is put into `scratch`, which has to live as long as `fields`.
void keep_off_shared_caches(http::Fields& fields, std::string& scratch);

}  // namespace switchyard::relay
