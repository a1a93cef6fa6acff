#pragma once

#include <string>

namespace switchyard::origin {

/// A listening socket, non-blocking. A unix socket's file goes when it goes.
class OriginListener {
  public:
    /// "ADDR:PORT", "[V6]:PORT" or "unix:PATH". Throws std::runtime_error that names the address.
    explicit OriginListener(const std::string& address);
    ~OriginListener();
    OriginListener(const OriginListener&) = delete;
    OriginListener& operator=(const OriginListener&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_; }

    /// As it really is: with the port that the kernel chose.
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

  private:
    void listen_unix(const std::string& path);
    void listen_tcp(const std::string& host, const std::string& port);

    int fd_ = -1;
    std::string address_;
    std::string unlink_;
};

}  // namespace switchyard::origin
