#pragma once

#include "base/error.hpp"

#include <string>

namespace switchyard::deploy {

/// A text that is wiped when it goes.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string text) : text_(std::move(text)) {}
    Secret(Secret&&) = default;
    Secret& operator=(Secret&&) = default;
    Secret(const Secret&) = delete;
    ~Secret();

    [[nodiscard]] const char* c_str() const noexcept { return text_.c_str(); }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    /// Cuts it behind the first line, without its end.
    void keep_first_line();

  private:
    std::string text_;
};

inline constexpr std::size_t kMaxSecretBytes = 64 * 1024;

/// The contents of a regular file of at most kMaxSecretBytes that others than owner and group may
/// not read. Blocks for the disk only.
[[nodiscard]] Result<Secret> read_secret(const std::string& path);

/// The contents of a regular file of at most `most` bytes.
[[nodiscard]] Result<std::string> read_regular_file(const std::string& path, std::size_t most);

}  // namespace switchyard::deploy
