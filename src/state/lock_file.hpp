#pragma once

#include "base/error.hpp"

#include <string>

namespace switchyard::state {

/// An exclusive advisory lock (flock) on a file of its own, held as long as the object lives; the
/// kernel drops it when the process ends, however it ends. The file holds the owner's pid for
/// people and for messages. It is never deleted: that would let two processes lock two files of
/// the same name.
class LockFile {
  public:
    /// Takes the lock without waiting. `purpose` is the file that it guards, for the message.
    static Result<LockFile> acquire(const std::string& path, const std::string& purpose);

    LockFile(LockFile&& from) noexcept;
    LockFile& operator=(LockFile&& from) noexcept;
    LockFile(const LockFile&) = delete;
    LockFile& operator=(const LockFile&) = delete;
    ~LockFile();

  private:
    explicit LockFile(int fd) noexcept : fd_(fd) {}

    int fd_ = -1;
};

}  // namespace switchyard::state
