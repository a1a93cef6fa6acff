#pragma once

#include "base/error.hpp"

#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <sys/uio.h>

namespace switchyard::observe {

/// The file behind the access log: a regular file, a named pipe, a device, or standard output.
/// One thread.
class LogFile {
  public:
    struct Written {
        std::size_t bytes = 0;  ///< How far it came.
        int error = 0;          ///< errno that stopped it; 0: all of it was written.
    };

    /// Opens for appending and creates it with mode 0640 if need be; "-" is standard output. Does
    /// not wait for the reader of a named pipe: without one it fails.
    static Result<LogFile> open(const std::string& path);

    LogFile(LogFile&& other) noexcept;
    LogFile& operator=(LogFile&& other) noexcept;
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;
    ~LogFile();

    /// Writes all pieces in order. A pipe that nobody reads holds it up, until `stopping` becomes
    /// true: then for two seconds at most (ETIMEDOUT).
    [[nodiscard]] Written write(std::span<iovec> pieces, const std::atomic<bool>& stopping);

  private:
    LogFile(int descriptor, bool regular) noexcept : descriptor_(descriptor), regular_(regular) {}

    [[nodiscard]] bool wait_until_writable(const std::atomic<bool>& stopping) const;

    int descriptor_;
    bool regular_;  ///< Writing to anything else may have to wait.
};

}  // namespace switchyard::observe
