#include "bench/compare/load_run.hpp"

#include "bench/common/clock.hpp"
#include "bench/compare/load_loop.hpp"

#include <cstdio>
#include <stdexcept>
#include <unistd.h>

namespace switchyard::bench {

LoadResult run_load(const LoadOptions& options) {
    using Event = LoadConnection::Event;
    LoadLoop loop(options);
    LoadResult result;
    bool measuring = false;
    unsigned failures_in_a_row = 0;

    const auto note = [&](LoadConnection& connection, Event event) {
        if (event == Event::answered) {
            failures_in_a_row = 0;
            if (measuring) {
                ++result.requests;
                result.latency.add(now_ns() - connection.began());
            }
            return;
        }
        ++result.failed;
        if (result.first_error.empty()) result.first_error = connection.error();
        if (++failures_in_a_row > 1000)
            throw std::runtime_error("nothing but failures: " + result.first_error);
    };
    const auto handle = [&](LoadConnection& connection, Event event) {
        // A connection that fails is replaced; next() can only fail or wait, never answer.
        while (event != Event::none) {
            note(connection, event);
            event = connection.next();
        }
    };

    for (unsigned i = 0; i < options.connections; ++i) {
        auto& connection = loop.add();
        handle(connection, connection.start());
    }
    const std::int64_t warm = now_ns() + static_cast<std::int64_t>(options.warm_up * 1e9);
    while (now_ns() < warm)
        loop.poll(10, handle);

    measuring = true;
    const double cpu_before = cpu_seconds(options.pid);
    const std::int64_t begin = now_ns();
    const std::int64_t end = begin + static_cast<std::int64_t>(options.seconds * 1e9);
    while (now_ns() < end)
        loop.poll(10, handle);
    result.cpu_seconds = cpu_seconds(options.pid) - cpu_before;
    result.seconds = static_cast<double>(now_ns() - begin) / 1e9;
    return result;
}

unsigned run_idle(const LoadOptions& options) {
    using Event = LoadConnection::Event;
    LoadLoop loop(options);
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
