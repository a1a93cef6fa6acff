#include "bench/compare/load_loop.hpp"

#include <ctime>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace switchyard::bench {
namespace {

constexpr std::size_t kBufferSize = 256 * 1024;

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

}  // namespace

double cpu_seconds(int pid) {
    if (pid == 0) return 0;
    clockid_t clock{};
    timespec time{};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        throw std::runtime_error("cannot read the CPU time of process " + std::to_string(pid));
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

LoadLoop::LoadLoop(const LoadOptions& options) : buffer_(kBufferSize) {
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

LoadLoop::~LoadLoop() {
    connections.clear();
    close(shared_.epoll);
}

int LoadLoop::ask(epoll_event* events, int size, std::int64_t timeout) const {
    const timespec time{timeout / 1'000'000'000, timeout % 1'000'000'000};
    return epoll_pwait2(shared_.epoll, events, size, &time, nullptr);
}

}  // namespace switchyard::bench
