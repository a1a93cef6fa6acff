#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace switchyard {

/// The two slots of a service. One is live, the other idle.
enum class Colour : std::uint8_t { blue = 0, green = 1 };

inline constexpr Colour kColours[] = {Colour::blue, Colour::green};

constexpr Colour other(Colour colour) noexcept {
    return colour == Colour::blue ? Colour::green : Colour::blue;
}

constexpr std::size_t index_of(Colour colour) noexcept {
    return static_cast<std::size_t>(colour);
}

constexpr std::string_view to_string(Colour colour) noexcept {
    return colour == Colour::blue ? "blue" : "green";
}

constexpr std::optional<Colour> parse_colour(std::string_view text) noexcept {
    if (text == "blue") return Colour::blue;
    if (text == "green") return Colour::green;
    return std::nullopt;
}

}  // namespace switchyard
