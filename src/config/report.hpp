#pragma once

#include "config/document.hpp"
#include "config/load.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace switchyard::config {

/// Collects the problems of one file.
class Report {
  public:
    explicit Report(std::string file) : file_(std::move(file)) {}

    /// Problems are shown on terminals: control characters in a message become "\xNN", whoever
    /// wrote it. Past kMost problems, only their number is kept.
    void add(Mark mark, std::string_view message);

    [[nodiscard]] bool empty() const noexcept { return problems_.empty(); }

    /// In the order of the file, each one once (an alias may lead to the same place twice).
    [[nodiscard]] std::vector<Problem> take();

  private:
    static constexpr std::size_t kMost = 1'000;

    std::string file_;
    std::vector<Problem> problems_;
    std::size_t left_out_ = 0;
};

/// The text as a message may show it: control characters as "\xNN" or "\u00NN", bytes that are not
/// valid UTF-8 as "\xNN", a long one cut short.
[[nodiscard]] std::string printable(std::string_view text);

/// The same in single quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace switchyard::config
