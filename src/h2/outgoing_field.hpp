#pragma once

#include <cstdint>
#include <string_view>

#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {

/// A field as the library wants it. It copies the octets (it takes them as if it would write to
/// them, and doesn't), with names in lower case then.
///
/// A request's id is another one each time: in the table of HPACK (RFC 7541 §2.3.2) it would only
/// displace what comes again, and to find a place for it costs more than all other fields of a
/// small head together. It goes as a literal that is never indexed (§6.2.3).
[[nodiscard]] inline nghttp2_nv outgoing_field(std::string_view name,
                                               std::string_view value) noexcept {
    const auto octets = [](std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    const bool unique = name == "X-Request-Id";
    return {octets(name), octets(value), name.size(), value.size(),
            static_cast<std::uint8_t>(unique ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)};
}

}  // namespace switchyard::h2
