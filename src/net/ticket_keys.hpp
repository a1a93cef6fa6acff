#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

struct ssl_ctx_st;

namespace switchyard::net {

/// Keys of TLS session tickets, shared by every context and worker of the process, so that a ticket
/// from one worker, or from before a reload, resumes on any other. A new key is made every hour;
/// tickets of the two keys before are still accepted. Any thread.
class TicketKeys {
  public:
    static constexpr std::chrono::minutes kRotation{60};

    TicketKeys();

    /// Makes `context` issue and accept tickets with these keys, which must outlive it.
    void install(ssl_ctx_st* context);

    struct Key {
        std::array<unsigned char, 16> name{};
        std::array<unsigned char, 32> cipher{};
        std::array<unsigned char, 32> hmac{};
        bool valid = false;
    };

    /// The key that new tickets get; makes a new one when it is due.
    [[nodiscard]] Key current();
    /// The key of that name; `valid` is false when there is none. `newest`: no renewal needed.
    [[nodiscard]] Key find(const unsigned char* name, bool& newest);

  private:
    void rotate(std::chrono::steady_clock::time_point now);

    std::mutex mutex_;
    std::array<Key, 3> keys_;  ///< Newest first.
    std::chrono::steady_clock::time_point made_{};
};

}  // namespace switchyard::net
