// switchyard-bench-floor LISTEN TO: what forwarding costs at the very least. A single-threaded
// relay of bytes that parses nothing: one connection to the origin for each client's connection.
#include "bench/common/address.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace switchyard::bench;

struct Pair;

/// One end of a pair: the socket, and bytes that it did not take yet.
struct End {
    int fd = -1;
    Pair* pair = nullptr;
    std::string pending;
};

struct Pair {
    End client;
    End origin;
    bool dead = false;
};

class Relay {
  public:
    Relay(const Address& listen, Address to) : to_(to), buffer_(256 * 1024) {
        listener_ = listen_on(listen, 4096);
        epoll_ = epoll_create1(EPOLL_CLOEXEC);
        epoll_event event{};
        event.events = EPOLLIN;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
    }

    std::uint16_t port() const { return local_port(listener_); }

    [[noreturn]] void run() {
        std::array<epoll_event, 256> events{};
        for (;;) {
            const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
            for (int i = 0; i < count; ++i) {
                const auto& event = events[static_cast<std::size_t>(i)];
                if (!event.data.ptr)
                    accept_one();
                else
                    on_ready(*static_cast<End*>(event.data.ptr), event.events);
            }
            for (Pair* pair : dead_)
                delete pair;
            dead_.clear();
        }
    }

  private:
    void watch(End& end) {
        set_nodelay(end.fd);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.ptr = &end;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, end.fd, &event);
    }

    void accept_one() {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        auto* pair = new Pair;
        pair->client = {fd, pair, {}};
        pair->origin = {
            socket(to_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), pair, {}};
        connect(pair->origin.fd, to_.get(), to_.length);
        watch(pair->origin);
        watch(pair->client);
    }

    void on_ready(End& end, std::uint32_t what) {
        Pair& pair = *end.pair;
        if (pair.dead) return;
        End& peer = &end == &pair.client ? pair.origin : pair.client;
        bool alive = (what & EPOLLERR) == 0;
        if (alive && !end.pending.empty()) {
            alive = flush(end);
            // What this end did not take had stopped the reading from the other end.
            if (alive && end.pending.empty()) alive = forward(peer, end, true);
        }
        if (alive && (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)))
            alive = forward(end, peer, (what & EPOLLRDHUP) != 0);
        if (!alive) close_pair(pair);
    }

    bool flush(End& end) {
        const ssize_t count = send(end.fd, end.pending.data(), end.pending.size(), MSG_NOSIGNAL);
        if (count < 0) return errno == EAGAIN;
        end.pending.erase(0, static_cast<std::size_t>(count));
        return true;
    }

    /// Moves what is there. A short read has emptied the socket: later bytes are a new edge,
    /// unless the end of the stream (`to_the_end`) is already waiting behind them.
    bool forward(End& from, End& to, bool to_the_end) {
        while (to.pending.empty()) {
            const ssize_t got = recv(from.fd, buffer_.data(), buffer_.size(), 0);
            if (got < 0) return errno == EAGAIN || errno == ENOTCONN;
            if (got == 0) return false;
            ssize_t sent = send(to.fd, buffer_.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
            if (sent < 0) {
                if (errno != EAGAIN && errno != ENOTCONN) return false;
                sent = 0;
            }
            if (sent < got) to.pending.assign(buffer_.data() + sent, buffer_.data() + got);
            if (!to_the_end && static_cast<std::size_t>(got) < buffer_.size()) return true;
        }
        return true;
    }

    void close_pair(Pair& pair) {
        pair.dead = true;
        close(pair.client.fd);
        close(pair.origin.fd);
        dead_.push_back(&pair);
    }

    Address to_;
    int listener_ = -1;
    int epoll_ = -1;
    std::vector<char> buffer_;
    std::vector<Pair*> dead_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: switchyard-bench-floor LISTEN TO\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    try {
        Relay relay(parse_address(argv[1]), parse_address(argv[2]));
        std::printf("%u\n", relay.port());
        std::fflush(stdout);
        relay.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchyard-bench-floor: %s\n", error.what());
        return 1;
    }
}
