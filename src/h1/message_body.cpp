#include "h1/message_body.hpp"

#include "base/pipe.hpp"
#include "h1/fault.hpp"

#include <algorithm>
#include <cerrno>

namespace switchyard::h1 {

namespace {
/// Reads grow with the body: short ones fit into the small block, long ones go in big pieces.
constexpr std::size_t kSmallRead = 16 * 1024;
constexpr std::size_t kLargeRead = 256 * 1024;
/// A tunnel holds this much in each direction at most, since it may last for days.
constexpr std::size_t kTunnelRead = 64 * 1024;
}  // namespace

void MessageBody::start(net::Stream& stream, Buffer& first, Buffer& further, http::Framing framing,
                        std::uint64_t content_length, std::uint64_t limit,
                        std::chrono::milliseconds timeout) {
    stream_ = &stream;
    first_ = &first;
    further_ = &further;
    framing_ = framing;
    left_ = content_length;
    limit_ = limit;
    received_ = 0;
    timeout_ = timeout;
    finished_ = framing == http::Framing::none;
    waiting_ = interrupted_ = false;
    if (framing == http::Framing::chunked) decoder_.start();
}

/// Makes a piece of what `buffer` holds. False: it holds nothing that is a piece.
bool MessageBody::take(Buffer& buffer, http::Chunk& chunk) {
    if (buffer.empty()) return false;
    if (framing_ == http::Framing::length) {
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size()));
        chunk.data = {buffer.data(), part};
        buffer.consume(part);
        left_ -= part;
        chunk.last = left_ == 0;
    } else if (framing_ == http::Framing::chunked) {
        const ChunkDecoder::Step step = decoder_.decode(buffer.data(), buffer.size());
        chunk.data = {buffer.data(), step.produced};
        buffer.consume(step.consumed);
        if (step.status == ChunkDecoder::Status::failed) {
            chunk.data = {};
            chunk.fault = http::Fault::malformed;
            return true;
        }
        chunk.last = step.status == ChunkDecoder::Status::done;
        if (chunk.data.empty() && !chunk.last) return false;
    } else {
        chunk.data = buffer.view();
        buffer.consume(chunk.data.size());
    }
    received_ += chunk.data.size();
    finished_ = chunk.last;
    if (limit_ != 0 && received_ > limit_) {
        chunk.data = {};
        chunk.last = false;
        finished_ = false;
        chunk.fault = http::Fault::too_large;
    }
    return true;
}

/// Reads into `further_`, which is empty. Never reads past a body of known length.
net::IoStatus MessageBody::fill() {
    std::size_t want = kSmallRead;
    const bool large =
        framing_ == http::Framing::length ? left_ > kSmallRead : received_ >= 4 * kSmallRead;
    if (large) want = framing_ == http::Framing::tunnel ? kTunnelRead : kLargeRead;
    further_->clear();
    if (further_->capacity() < want) {
        further_->release();
        further_->reserve(want);
    }
    std::size_t size = further_->capacity();
    if (framing_ == http::Framing::length) {
        size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
    } else if (framing_ == http::Framing::chunked && first_ != further_) {
        // What a client pipelines behind a chunked body must fit where heads are read.
        size = std::min(size, kSmallRead);
    }
    std::size_t done = 0;
    const net::IoStatus status = stream_->try_read(further_->data(), size, done);
    if (status == net::IoStatus::ok) further_->commit(done);
    return status;
}

bool MessageBody::take_received(http::Chunk& chunk) {
    chunk = {};
    if (finished_) {
        chunk.last = true;
        return true;
    }
    return take(*first_, chunk) || (further_ != first_ && take(*further_, chunk));
}

bool MessageBody::try_next(http::Chunk& chunk) {
    for (;;) {
        if (take_received(chunk)) return true;
        const net::IoStatus status = fill();
        if (status == net::IoStatus::ok) continue;
        if (status == net::IoStatus::again) return false;
        if (status == net::IoStatus::eof &&
            (framing_ == http::Framing::close || framing_ == http::Framing::tunnel)) {
            chunk.last = true;
            finished_ = true;
            return true;
        }
        chunk.fault = fault_of(status);
        return true;
    }
}

Task<http::Chunk> MessageBody::next() {
    http::Chunk chunk;
    while (!try_next(chunk)) {
        // Most tunnels are silent most of the time: they hold no memory meanwhile.
        if (framing_ == http::Framing::tunnel) further_->release();
        waiting_ = true;
        const net::IoStatus waited = co_await stream_->readable(timeout_);
        waiting_ = false;
        if (interrupted_) {
            interrupted_ = false;
            if (waited == net::IoStatus::ok) co_return chunk;
        }
        if (waited != net::IoStatus::ok) {
            chunk.fault = fault_of(waited);
            break;
        }
    }
    co_return chunk;
}

std::uint64_t MessageBody::pipeable() const noexcept {
    const bool untouched = !finished_ && framing_ == http::Framing::length && limit_ == 0 &&
                           stream_->tls() == nullptr && first_->empty() && further_->empty();
    return untouched ? left_ : 0;
}

Task<http::PipedChunk> MessageBody::next_into(Pipe& pipe) {
    // What was read before is with the client: the memory is not needed for a while.
    further_->release();
    http::PipedChunk chunk;
    for (;;) {
        const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left_, Pipe::kMost));
        net::IoStatus status = stream_->try_fill(pipe, most, chunk.size);
        if (status == net::IoStatus::again) {
            status = co_await stream_->readable(timeout_);
            if (status == net::IoStatus::ok) continue;
        }
        const int why = stream_->error_number();
        if (status == net::IoStatus::error && (why == EINVAL || why == ENOSYS || why == EPERM)) {
            // No splice(2) for this socket, or in this sandbox.
            Pipe::set_most(0);
            co_return http::PipedChunk{};
        }
        chunk.fault = fault_of(status);
        break;
    }
    left_ -= chunk.size;
    received_ += chunk.size;
    finished_ = chunk.last = chunk.fault == http::Fault::none && left_ == 0;
    co_return chunk;
}

void MessageBody::interrupt() noexcept {
    if (!waiting_ || interrupted_) return;
    interrupted_ = true;
    stream_->wake_reader();
}

}  // namespace switchyard::h1
