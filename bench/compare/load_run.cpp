#include "bench/compare/load_run.hpp"

#include "bench/common/clock.hpp"
#include "bench/compare/load_connection.hpp"
#include "bench/compare/load_h2_connection.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <deque>
#include <memory>
#include <stdexcept>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

#include <openssl/ssl.h>

namespace switchyard::bench {
namespace {

constexpr std::size_t kBufferSize = 256 * 1024;

/// CPU seconds (user and system, all threads) that a process has used: the same account as in
/// /proc/PID/stat, in nanoseconds instead of clock ticks.
double cpu_seconds(int pid) {
    if (pid == 0) return 0;
    clockid_t clock{};
    timespec time{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        throw std::runtime_error("cannot read the CPU time of process " + std::to_string(pid));
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string make_request(const LoadOptions& options) {
    std::string text = (options.post_bytes ? "POST " : "GET ") + options.path +
                       " HTTP/1.1\r\nHost: " + options.host +
                       "\r\nUser-Agent: switchyard-bench\r\nAccept: */*\r\n";
    if (options.post_bytes) {
        text += "Content-Type: application/octet-stream\r\nContent-Length: " +
                std::to_string(options.post_bytes) + "\r\n";
    }
    text += "\r\n";
    text.append(options.post_bytes, 'x');
    return text;
}

/// The loop that both kinds of run share.
class Loop {
  public:
    explicit Loop(const LoadOptions& options) : buffer_(kBufferSize) {
        shared_.address = parse_address(options.address);
        if (options.tls) {
            tls_.reset(make_client_tls(options.streams > 0 ? "h2" : "http/1.1"));
            shared_.tls = tls_.get();
        }
        shared_.host = options.host;
        shared_.request = options.streams > 0 ? options.path : make_request(options);
        shared_.expect_bytes = options.expect_bytes;
        shared_.new_connection = options.new_connection;
        shared_.buffer = buffer_.data();
        shared_.buffer_size = buffer_.size();
        shared_.epoll = epoll_create1(EPOLL_CLOEXEC);
        if (shared_.epoll < 0) throw std::runtime_error("epoll_create1 failed");
    }
    ~Loop() {
        connections.clear();
        close(shared_.epoll);
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    LoadConnection& add() { return connections.emplace_back(shared_); }

    /// Waits at most `timeout_ms` and calls handler(connection, events) for those that are ready.
    template <typename Connection, typename Handler>
    void wait(int timeout_ms, Handler handler) {
        std::array<epoll_event, 256> events{};
        const int count = epoll_wait(shared_.epoll, events.data(), events.size(), timeout_ms);
        for (int i = 0; i < count; ++i) {
            const epoll_event& ready = events[static_cast<std::size_t>(i)];
            handler(*static_cast<Connection*>(ready.data.ptr), ready.events);
        }
    }

    /// Waits at most `timeout_ms` and calls handler(connection, event) for what happened.
    template <typename Handler>
    void poll(int timeout_ms, Handler handler) {
        wait<LoadConnection>(timeout_ms, [&](LoadConnection& connection, std::uint32_t events) {
            const auto event = connection.on_ready((events & EPOLLRDHUP) != 0);
            if (event != LoadConnection::Event::none) handler(connection, event);
        });
    }

    LoadShared& shared() noexcept { return shared_; }

    std::deque<LoadConnection> connections;

  private:
    struct FreeContext {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };

    std::vector<char> buffer_;
    std::unique_ptr<SSL_CTX, FreeContext> tls_;
    LoadShared shared_;
};

/// Counts what came in the measured time.
class Count final : public LoadH2Connection::Sink {
  public:
    void on_answer(std::int64_t began) override {
        failures_in_a_row_ = 0;
        if (!measuring) return;
        ++result.requests;
        result.latency.add(now_ns() - began);
    }
    void on_failure(const std::string& why) override {
        ++result.failed;
        if (result.first_error.empty()) result.first_error = why;
        if (++failures_in_a_row_ > 1000)
            throw std::runtime_error("nothing but failures: " + result.first_error);
    }

    LoadResult result;
    bool measuring = false;

  private:
    unsigned failures_in_a_row_ = 0;
};

/// Has `poll` go on for the time to warm up, then for the time that is measured.
template <typename Poll>
LoadResult measure(const LoadOptions& options, Count& count, Poll poll) {
    const std::int64_t warm = now_ns() + static_cast<std::int64_t>(options.warm_up * 1e9);
    while (now_ns() < warm)
        poll();
    count.measuring = true;
    const double cpu_before = cpu_seconds(options.pid);
    const std::int64_t begin = now_ns();
    const std::int64_t end = begin + static_cast<std::int64_t>(options.seconds * 1e9);
    while (now_ns() < end)
        poll();
    count.result.cpu_seconds = cpu_seconds(options.pid) - cpu_before;
    count.result.seconds = static_cast<double>(now_ns() - begin) / 1e9;
    return count.result;
}

LoadResult run_h2_load(const LoadOptions& options) {
    Loop loop(options);
    Count count;
    std::deque<LoadH2Connection> connections;
    for (unsigned i = 0; i < options.connections; ++i)
        connections.emplace_back(loop.shared(), options.streams, options.post_bytes, count).start();
    return measure(options, count, [&] {
        loop.wait<LoadH2Connection>(
            10, [](LoadH2Connection& connection, std::uint32_t) { connection.on_ready(); });
    });
}

}  // namespace

LoadResult run_load(const LoadOptions& options) {
    using Event = LoadConnection::Event;
    if (options.streams > 0) return run_h2_load(options);
    Loop loop(options);
    Count count;
    const auto handle = [&](LoadConnection& connection, Event event) {
        // A connection that fails is replaced; next() can only fail or wait, never answer.
        while (event != Event::none) {
            if (event == Event::answered)
                count.on_answer(connection.began());
            else
                count.on_failure(connection.error());
            event = connection.next();
        }
    };
    for (unsigned i = 0; i < options.connections; ++i) {
        auto& connection = loop.add();
        handle(connection, connection.start());
    }
    return measure(options, count, [&] { loop.poll(10, handle); });
}

unsigned run_idle(const LoadOptions& options) {
    using Event = LoadConnection::Event;
    Loop loop(options);
    // One after the other, so that the proxy needs few connections to the origin.
    for (unsigned i = 0; i < options.connections; ++i) {
        auto& connection = loop.add();
        Event event = connection.start();
        const std::int64_t deadline = now_ns() + 10'000'000'000;
        while (event == Event::none && now_ns() < deadline)
            loop.poll(100, [&](LoadConnection& which, Event seen) {
                if (&which == &connection) event = seen;
            });
        if (event != Event::answered)
            throw std::runtime_error("connection " + std::to_string(i) + ": " + connection.error());
    }
    std::puts("ready");
    std::fflush(stdout);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    unsigned open = 0;
    loop.poll(0, [](LoadConnection&, Event) {});
    for (const auto& connection : loop.connections)
        open += connection.open() ? 1 : 0;
    return open;
}

}  // namespace switchyard::bench
