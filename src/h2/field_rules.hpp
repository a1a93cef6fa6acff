#pragma once

#include "http/head.hpp"

#include <string_view>

/// What a decoded field must be like, in either direction. The library below checks most of it as
/// well; nothing that would be dangerous depends on that.
namespace switchyard::h2 {

/// RFC 9110 §5.6.2; names of fields may have no capital letters (RFC 9113 §8.2).
[[nodiscard]] bool is_token(std::string_view text, bool capitals) noexcept;

/// RFC 9113 §8.2.1: no CR, LF or NUL anywhere, no white space around. (The policy of `http` refuses
/// the other control characters.)
[[nodiscard]] bool clean_value(std::string_view value) noexcept;

/// RFC 9113 §8.2.2: about a connection, which a stream is not.
[[nodiscard]] bool connection_specific(http::FieldId id, std::string_view value) noexcept;

[[nodiscard]] http::FieldId id_of(std::string_view name);

}  // namespace switchyard::h2
