#pragma once

#include "bench/common/address.hpp"
#include "bench/switch/epochs.hpp"
#include "bench/switch/tally.hpp"
#include "bench/switch/timeline.hpp"

#include <array>
#include <cstdint>
#include <queue>
#include <string>
#include <sys/epoll.h>
#include <utility>
#include <vector>

typedef struct ssl_ctx_st SSL_CTX;

namespace switchyard::bench {

/// What waits for the loop: a client or the one who switches.
class Waiter {
  public:
    virtual ~Waiter() = default;
    virtual void on_ready(std::uint32_t events) = 0;
    virtual void on_time() = 0;
};

/// What is known of WebSockets (C11).
struct Tunnels {
    enum class Policy : unsigned char { unknown, keep, close, cut };
    Policy policy = Policy::unknown;  ///< As the first switch says.
    std::int64_t drain_timeout = 0;   ///< Nanoseconds; the same.
    std::array<unsigned, 2> open{};   ///< By index_of(Colour): to whom nobody said goodbye yet.
};

/// What everybody in the run shares. One thread; outlives all waiters.
struct World {
    explicit World(Colour live) : timeline(live), buffer(256 * 1024) {}

    Address plain;
    Address encrypted;
    SSL_CTX* tls = nullptr;                 ///< For HTTP/1.1; null: there is no TLS listener.
    SSL_CTX* h2_tls = nullptr;              ///< The same for HTTP/2.
    bool h2c = false;                       ///< The plain listener speaks HTTP/2, too.
    std::string host;                       ///< Host field and SNI.
    std::array<std::string, 2> slot_names;  ///< What X-Served-By has to say; empty: not checked.
    int epoll = -1;
    bool stopping = false;  ///< Finish what was begun, begin nothing.
    Timeline timeline;
    Tally tally;
    Epochs* epochs = nullptr;  ///< Null: nobody can tell in which epoch a request was routed.
    Tunnels tunnels;
    std::vector<char> buffer;  ///< Everybody reads into this one.

    using Alarm = std::pair<std::int64_t, Waiter*>;
    std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> alarms;

    bool watch(int fd, Waiter* waiter) const noexcept {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.ptr = waiter;
        return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
    }
};

}  // namespace switchyard::bench
