#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace switchyard::control {

/// A bound and listening socket (non-blocking, close-on-exec) of the control side. What of it is in
/// the file system goes with it, unless somebody else has put theirs there meanwhile.
class ListeningSocket {
  public:
    /// A unix socket at `path` with these permissions. A socket that nobody listens on is
    /// replaced; one that another daemon holds, or a file of another kind, is an error naming it.
    [[nodiscard]] static Result<ListeningSocket> unix_socket(const std::string& path,
                                                             std::uint32_t mode);

    /// `address`: "127.0.0.1:9180" or "[::1]:9180"; port 0 takes a free one. `setting` is the
    /// configuration's key, for error messages.
    [[nodiscard]] static Result<ListeningSocket> tcp(const std::string& address,
                                                     const std::string& setting);

    ListeningSocket(ListeningSocket&& other) noexcept;
    ListeningSocket& operator=(ListeningSocket&&) = delete;
    ~ListeningSocket();

    /// Hands the descriptor over; the path is still looked after.
    [[nodiscard]] int release() noexcept;
    [[nodiscard]] int family() const noexcept { return family_; }
    /// The path, or the address with its real port.
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

    /// Removes the path now (only if it is still this socket).
    void unlink() noexcept;

  private:
    ListeningSocket(int descriptor, int family, std::string address)
        : descriptor_(descriptor), family_(family), address_(std::move(address)) {}

    int descriptor_ = -1;
    int family_ = 0;
    std::string address_;
    bool owns_path_ = false;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace switchyard::control
