#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

namespace switchyard::net {

/// The most plaintext of one TLS record (RFC 8446 §5.1), and what a record may take on the wire
/// with what may come before it (an answer to a KeyUpdate).
inline constexpr std::size_t kRecordBytes = 16 * 1024;
inline constexpr std::size_t kWireRecordBytes = 18 * 1024;

/// Several records of one write, which then go to the socket in one call: a call for each costs
/// more than their copy. One for each thread, empty outside of Stream::tls_write().
class TlsBatch {
  public:
    /// This thread's.
    static TlsBatch& here() noexcept {
        alignas(64) static thread_local TlsBatch batch;
        return batch;
    }

    /// Whose records it takes at the moment.
    const void* owner = nullptr;

    [[nodiscard]] bool empty() const noexcept { return used_ == 0; }
    [[nodiscard]] std::size_t room() const noexcept { return octets_.size() - used_; }
    [[nodiscard]] std::span<char> content() noexcept { return {octets_.data(), used_}; }
    /// At most room().
    void append(const char* data, std::size_t size) noexcept {
        std::memcpy(octets_.data() + used_, data, size);
        used_ += size;
    }
    void clear() noexcept { used_ = 0; }

  private:
    /// Four records of full size, and room for the look whether there is room.
    std::array<char, 3 * (kRecordBytes + 512) + kWireRecordBytes> octets_;
    std::size_t used_ = 0;
};

}  // namespace switchyard::net
