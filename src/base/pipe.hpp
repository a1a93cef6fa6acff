#pragma once

#include <cstddef>
#include <sys/types.h>
#include <utility>

namespace switchyard {

/// A pipe(2) through which octets go from one socket to another without coming into our memory
/// (splice(2)). Pipes are kept for the next one who needs one, by thread. Two descriptors each.
class Pipe {
  public:
    /// Octets that one fill() moves at most.
    static constexpr std::size_t kMost = 256 * 1024;
    /// Pipes that a thread has at the same time at most, unused ones included: a slow reader holds
    /// one, with up to kMost octets, as long as it reads.
    static constexpr std::size_t kPipes = 128;

    /// Pipes that all threads have together at most, from now on; 0: also those that are kept are
    /// not used any more. Any thread.
    static void set_most(std::size_t pipes) noexcept;

    /// An empty one of the calling thread. Not open: there are as many as may be, or no
    /// descriptors.
    [[nodiscard]] static Pipe take() noexcept;

    Pipe() = default;
    Pipe(Pipe&& other) noexcept { swap(other); }
    Pipe& operator=(Pipe&& other) noexcept {
        swap(other);
        return *this;
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    /// Kept by the thread, which must be the one that took it; closed if octets are left in it.
    ~Pipe();

    [[nodiscard]] bool is_open() const noexcept { return in_ >= 0; }
    /// Octets in it.
    [[nodiscard]] std::size_t held() const noexcept { return held_; }

    /// Moves up to `most` octets from a socket into the empty pipe, or what is in it into a socket.
    /// As read(2) and write(2) of a descriptor that does not block: -1 and errno, 0 for an end.
    [[nodiscard]] ssize_t fill(int socket, std::size_t most) noexcept;
    /// `more`: further octets follow at once, so that what is less than a packet may wait for them.
    [[nodiscard]] ssize_t drain(int socket, bool more) noexcept;

  private:
    void swap(Pipe& other) noexcept {
        std::swap(in_, other.in_);
        std::swap(out_, other.out_);
        std::swap(held_, other.held_);
    }

    int in_ = -1;   ///< Where octets are written.
    int out_ = -1;  ///< Where they are read.
    std::size_t held_ = 0;
};

}  // namespace switchyard
