#pragma once

#include "bench/common/address.hpp"
#include "bench/switch/service.hpp"
#include "bench/switch/tally.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
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

/// What everybody in the run shares. One thread; outlives all waiters.
struct World {
    explicit World(Colour live) : app(live), buffer(256 * 1024) {}

    Address plain;
    Address encrypted;
    SSL_CTX* tls = nullptr;     ///< For HTTP/1.1; null: there is no TLS listener.
    SSL_CTX* h2_tls = nullptr;  ///< The same for HTTP/2.
    bool h2c = false;           ///< The plain listener speaks HTTP/2, too.
    int epoll = -1;
    bool stopping = false;        ///< Finish what was begun, begin nothing.
    Service app;                  ///< HTTP/1.1 to its origins.
    std::optional<Service> grpc;  ///< HTTP/2 to them; none: there is no such service.
    Tally tally;
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
