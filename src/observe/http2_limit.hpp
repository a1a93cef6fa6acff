#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace switchyard::observe {

/// The limits of HTTP/2 that end a connection when a client passes them.
enum class Http2Limit : std::uint8_t {
    resets,
    settings,
    pings,
    ignored_frames,
    empty_frames,
    window_updates,
    continuations,
    header_list,
    request_head,  ///< Time for the preface, or for a header block.
    responses,     ///< What it makes us answer and does not read.
    settings_ack,  ///< Time to acknowledge our SETTINGS.
};

inline constexpr std::size_t kHttp2Limits = 11;

constexpr std::string_view to_string(Http2Limit limit) noexcept {
    switch (limit) {
        case Http2Limit::resets:
            return "resets";
        case Http2Limit::settings:
            return "settings";
        case Http2Limit::pings:
            return "pings";
        case Http2Limit::ignored_frames:
            return "ignored_frames";
        case Http2Limit::empty_frames:
            return "empty_frames";
        case Http2Limit::window_updates:
            return "window_updates";
        case Http2Limit::continuations:
            return "continuations";
        case Http2Limit::header_list:
            return "header_list";
        case Http2Limit::request_head:
            return "request_head";
        case Http2Limit::responses:
            return "responses";
        case Http2Limit::settings_ack:
            return "settings_ack";
    }
    return {};
}

}  // namespace switchyard::observe
