#pragma once

#include "base/error.hpp"

#include <string>
#include <string_view>

namespace switchyard {

/// Sets up the daemon's own log: spdlog's default logger, to standard error, from any thread. A
/// line is an event with fields; the message begins with the event's name:
///
///     spdlog::info("target_healthy service={} target={}", log_value(service), log_value(address));
///     time=2026-03-01T03:12:09.120Z level=info event=target_healthy service=app target=10.0.0.2:80
///
/// `level`: trace, debug, info, warn or error. Call once, before other threads start.
Result<void> set_up_log(std::string_view level);

/// Changes the level (reload). Any thread.
Result<void> set_log_level(std::string_view level);

/// A field's value, harmless whatever it holds: as it is when it is one plain word, otherwise in
/// double quotes with quotes and backslashes escaped and all but printable ASCII as \xHH. An empty
/// text is "".
[[nodiscard]] std::string log_value(std::string_view text);

}  // namespace switchyard
