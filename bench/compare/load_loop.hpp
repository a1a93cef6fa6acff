#pragma once

#include "bench/compare/load_connection.hpp"
#include "bench/compare/load_options.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <sys/epoll.h>
#include <vector>

#include <openssl/ssl.h>

namespace switchyard::bench {

/// CPU seconds (user and system, all threads) that a process has used: the same account as in
/// /proc/PID/stat, in nanoseconds instead of clock ticks. 0 for process 0.
double cpu_seconds(int pid);

/// The connections of a run and the loop that serves them.
class LoadLoop {
  public:
    explicit LoadLoop(const LoadOptions& options);
    ~LoadLoop();
    LoadLoop(const LoadLoop&) = delete;
    LoadLoop& operator=(const LoadLoop&) = delete;

    LoadConnection& add() { return connections.emplace_back(shared_); }

    /// Waits at most so long (nanoseconds) and calls handler(connection, events) for those that are
    /// ready.
    template <typename Connection, typename Handler>
    void wait_ns(std::int64_t timeout, Handler handler) {
        std::array<epoll_event, 256> events{};
        const int count = ask(events.data(), static_cast<int>(events.size()), timeout);
        for (int i = 0; i < count; ++i) {
            const epoll_event& ready = events[static_cast<std::size_t>(i)];
            handler(*static_cast<Connection*>(ready.data.ptr), ready.events);
        }
    }
    template <typename Connection, typename Handler>
    void wait(int timeout_ms, Handler handler) {
        wait_ns<Connection>(std::int64_t{timeout_ms} * 1'000'000, handler);
    }

    /// The same, and calls handler(connection, event) for what happened.
    template <typename Handler>
    void poll_ns(std::int64_t timeout, Handler handler) {
        wait_ns<LoadConnection>(timeout, [&](LoadConnection& connection, std::uint32_t events) {
            const auto event = connection.on_ready((events & EPOLLRDHUP) != 0);
            if (event != LoadConnection::Event::none) handler(connection, event);
        });
    }
    template <typename Handler>
    void poll(int timeout_ms, Handler handler) {
        poll_ns(std::int64_t{timeout_ms} * 1'000'000, handler);
    }

    LoadShared& shared() noexcept { return shared_; }

    std::deque<LoadConnection> connections;

  private:
    struct FreeContext {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };
    int ask(epoll_event* events, int size, std::int64_t timeout) const;

    std::vector<char> buffer_;
    std::unique_ptr<SSL_CTX, FreeContext> tls_;
    LoadShared shared_;
};

}  // namespace switchyard::bench
