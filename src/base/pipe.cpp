#include "base/pipe.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <fcntl.h>
#include <limits>
#include <unistd.h>

namespace switchyard {

namespace {

struct Ends {
    int in;
    int out;
};

std::atomic<std::size_t> all_pipes = 0;
std::atomic<std::size_t> most_pipes = std::numeric_limits<std::size_t>::max();

/// Ends a pipe that was counted.
void close_both(Ends ends) noexcept {
    ::close(ends.in);
    ::close(ends.out);
    all_pipes.fetch_sub(1, std::memory_order_relaxed);
}

/// Of one thread.
struct Kept {
    std::array<Ends, Pipe::kPipes> free{};
    std::size_t count = 0;
    std::size_t made = 0;  ///< In use and free.

    ~Kept() {
        for (std::size_t i = 0; i < count; ++i)
            close_both(free[i]);
    }
};
thread_local Kept kept;

}  // namespace

void Pipe::set_most(std::size_t pipes) noexcept {
    most_pipes.store(pipes, std::memory_order_relaxed);
}

Pipe Pipe::take() noexcept {
    Pipe pipe;
    const std::size_t most = most_pipes.load(std::memory_order_relaxed);
    if (most == 0) return pipe;
    if (kept.count > 0) {
        const Ends ends = kept.free[--kept.count];
        pipe.in_ = ends.in;
        pipe.out_ = ends.out;
        return pipe;
    }
    if (kept.made == kPipes) return pipe;
    int ends[2];
    if (all_pipes.fetch_add(1, std::memory_order_relaxed) >= most ||
        ::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
        all_pipes.fetch_sub(1, std::memory_order_relaxed);
        return pipe;
    }
    if (::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kMost)) < 0) {
        // What a user has in pipes is limited (pipe(7), pipe-user-pages-soft): these are all.
        close_both({ends[1], ends[0]});
        most_pipes.store(all_pipes.load(std::memory_order_relaxed), std::memory_order_relaxed);
        return pipe;
    }
    ++kept.made;
    pipe.in_ = ends[1];
    pipe.out_ = ends[0];
    return pipe;
}

Pipe::~Pipe() {
    if (!is_open()) return;
    if (held_ == 0) {
        kept.free[kept.count++] = {in_, out_};
        return;
    }
    close_both({in_, out_});
    --kept.made;
}

ssize_t Pipe::fill(int socket, std::size_t most) noexcept {
    const ssize_t count = ::splice(socket, nullptr, in_, nullptr, std::min(most, kMost),
                                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (count > 0) held_ += static_cast<std::size_t>(count);
    return count;
}

ssize_t Pipe::drain(int socket, bool more) noexcept {
    const ssize_t count = ::splice(out_, nullptr, socket, nullptr, held_,
                                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0U));
    if (count > 0) held_ -= static_cast<std::size_t>(count);
    return count;
}

}  // namespace switchyard
