#pragma once

#include <memory>

#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {

/// The functions that the library calls, for all sessions; their user data is the ServerSession.
[[nodiscard]] const nghttp2_session_callbacks* server_callbacks();

/// How the library is to behave, for all sessions.
[[nodiscard]] const nghttp2_option* server_behaviour();

/// What the library reads bodies of responses from.
[[nodiscard]] const nghttp2_data_provider* body_provider();

/// What the PING says that goes out with the first step of a drain.
inline constexpr unsigned char kDrainPing[8] = {'l', 'a', 's', 't', ' ', 'o', 'n', 'e'};

}  // namespace switchyard::h2
