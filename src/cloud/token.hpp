#pragma once

#include "base/error.hpp"

#include <string>
#include <string_view>

namespace switchyard::cloud {

/// The API's token: from `file`, or where that is empty from the systemd credential "do-token"
/// ($CREDENTIALS_DIRECTORY/do-token). White space around it is dropped. Errors name the file, never
/// what is in it. Reads one small file.
[[nodiscard]] Result<std::string> read_token(const std::string& file);

/// `text` for people: printable, at most 300 bytes, and without the token, should an answer hold
/// it.
[[nodiscard]] std::string harmless(std::string_view text, std::string_view token);

}  // namespace switchyard::cloud
