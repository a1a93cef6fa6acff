#pragma once

#include "config/config.hpp"
#include "config/parsed.hpp"

#include <string_view>
#include <vector>

namespace switchyard::config {

/// "10.0.0.0/8", "fd00::/8", a bare address for itself alone, "private" (RFC 1918 and
/// RFC 4193) or "loopback". Each range keeps the text that it was written as.
[[nodiscard]] Parsed<std::vector<Cidr>> parse_ranges(std::string_view text);

/// Whether an address (network order; IPv4 as ::ffff:a.b.c.d) is in the range.
[[nodiscard]] bool contains(const Cidr& range, const std::uint8_t (&address)[16]) noexcept;
[[nodiscard]] bool contains_any(const std::vector<Cidr>& ranges,
                                const std::uint8_t (&address)[16]) noexcept;

}  // namespace switchyard::config
