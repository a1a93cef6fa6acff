#pragma once

/// What the values of a configuration are made of.
namespace switchyard::config {

/// Of ASCII, whatever the locale.
[[nodiscard]] constexpr bool is_alphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace switchyard::config
