#pragma once

#include "http/head.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// Where in a request a pass to the idle slot may stand, and how it is taken out of it. Works on
/// whatever a client sends; synchronous, any thread.
namespace switchyard::route {

/// The query parameter of links.
inline constexpr std::string_view kPreviewParameter = "switchyard_preview";

/// One text that may be a pass; views into the request.
struct PreviewSign {
    enum class Kind : std::uint8_t { link, header, cookie };
    Kind kind = Kind::link;
    std::string_view name;  ///< Of the field or the cookie, as received.
    std::string_view value;
};

/// All of a request. Who sends more than there is place for has none of the rest looked at.
struct PreviewSigns {
    static constexpr std::size_t kMost = 8;
    std::array<PreviewSign, kMost> found;
    std::size_t count = 0;
    bool any = false;  ///< Something is to be taken out.

    [[nodiscard]] std::span<const PreviewSign> all() const noexcept {
        return {found.data(), count};
    }
};

/// The names that previews use, of all services together.
struct PreviewNames {
    std::span<const std::string> headers;  ///< Lower case, '-' for '_'.
    std::span<const std::string> cookies;
};

/// Whether a field is one of `headers`; '_' counts as '-', as applications mix them up.
[[nodiscard]] bool is_preview_header(std::string_view name,
                                     std::span<const std::string> headers) noexcept;

/// The same notation for a configured name.
[[nodiscard]] std::string folded_field_name(std::string_view name);

/// Looks for signs; links first, then in the order of the request. Does not allocate.
[[nodiscard]] PreviewSigns find_signs(const http::RequestHead& request,
                                      const PreviewNames& names) noexcept;

/// Whether the query of `target` has the parameter.
[[nodiscard]] bool has_preview_parameter(std::string_view target) noexcept;

/// `target` without the parameter, however often it is there; all else byte for byte, but for a
/// '?' that nothing would follow. Into `scratch`, unless there is nothing to take out.
[[nodiscard]] std::string_view without_preview_parameter(std::string_view target,
                                                         std::string& scratch);

/// Takes the headers out of `fields` and the cookies out of their Cookie fields; other cookies stay
/// as they are, and a Cookie field that nothing is left of goes. Values that change are put into
/// `scratch`, which has to live as long as `fields`.
void remove_signs(http::Fields& fields, const PreviewNames& names, std::string& scratch);

/// "/path?query" as a Location on the same host, whatever it is: two slashes at the begin (or what
/// browsers take for one) would name another host (RFC 3986 §4.2). Into `out`.
void append_local_location(std::string& out, std::string_view target);

}  // namespace switchyard::route
