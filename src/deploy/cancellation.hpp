#pragma once

#include <atomic>
#include <utility>

namespace switchyard::deploy {

/// Owns a file descriptor.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~Descriptor() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void reset(int fd = -1) noexcept;
    explicit operator bool() const noexcept { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

/// A bell that poll(2) hears. Any thread.
class Bell {
  public:
    /// Throws std::system_error when there are no descriptors left.
    Bell();
    void ring() noexcept;
    /// Silent again.
    void hush() noexcept;
    /// Readable from ring() to hush().
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    Descriptor fd_;
};

/// Somebody asked to stop; there is no way back. Any thread.
class Cancellation {
  public:
    void request() noexcept {
        requested_ = true;
        bell_.ring();
    }
    [[nodiscard]] bool requested() const noexcept { return requested_; }
    /// Readable once it is requested.
    [[nodiscard]] int fd() const noexcept { return bell_.fd(); }

  private:
    std::atomic<bool> requested_ = false;
    Bell bell_;
};

}  // namespace switchyard::deploy
