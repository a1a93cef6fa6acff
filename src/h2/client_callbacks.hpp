#pragma once

#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {

/// The functions that the library calls, for all connections to origins; their user data is the
/// ClientSession.
[[nodiscard]] const nghttp2_session_callbacks* client_callbacks();

/// How the library is to behave there.
[[nodiscard]] const nghttp2_option* client_behaviour();

/// What the library reads bodies of requests from.
[[nodiscard]] const nghttp2_data_provider* request_body_provider();

}  // namespace switchyard::h2
