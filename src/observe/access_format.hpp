#pragma once

#include "observe/access_log.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

namespace switchyard::observe {

/// Turns records into lines. Keeps the text of the last second that it formatted, so: one thread.
class AccessFormatter {
  public:
    explicit AccessFormatter(AccessFormat format) noexcept : format_(format) {}

    /// Writes one line with its '\n' to the beginning of `space`; returns its length, or 0 if it
    /// does not fit. No byte of the record can end the line, or a field in it.
    [[nodiscard]] std::size_t format(const AccessRecord& record, std::span<char> space) noexcept;

  private:
    void remember(std::int64_t second) noexcept;

    AccessFormat format_;
    std::int64_t second_ = 0;
    bool has_second_ = false;
    std::array<char, 40> stamp_{};  ///< Up to the milliseconds, or to the end (combined).
    std::size_t stamp_size_ = 0;
};

}  // namespace switchyard::observe
