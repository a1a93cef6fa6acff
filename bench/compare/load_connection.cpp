#include "bench/compare/load_connection.hpp"

#include "bench/common/clock.hpp"

#include <sys/epoll.h>
#include <utility>

namespace switchyard::bench {

LoadConnection::Event LoadConnection::start() {
    began_ = now_ns();
    reader_.reset();
    sent_ = 0;
    peer_ended_ = false;
    phase_ = Phase::handshake;
    if (!stream_.connect(shared_.address, shared_.tls, shared_.host)) return fail(stream_.error());
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = this;
    if (epoll_ctl(shared_.epoll, EPOLL_CTL_ADD, stream_.fd(), &event) != 0)
        return fail("epoll_ctl failed");
    return advance();
}

LoadConnection::Event LoadConnection::next() {
    if (shared_.new_connection || !stream_.open()) {
        stream_.close();
        return start();
    }
    began_ = now_ns();
    reader_.reset();
    sent_ = 0;
    phase_ = Phase::writing;
    return advance();
}

LoadConnection::Event LoadConnection::on_ready(bool peer_ended) {
    peer_ended_ = peer_ended_ || peer_ended;
    if (!stream_.open() || phase_ == Phase::idle) return Event::none;
    return advance();
}

LoadConnection::Event LoadConnection::advance() {
    if (phase_ == Phase::handshake) {
        const IoResult result = stream_.handshake();
        if (result.status == Io::failed || result.status == Io::closed)
            return fail(stream_.error());
        if (result.status != Io::done) return Event::none;
        phase_ = Phase::writing;
    }
    if (phase_ == Phase::writing) {
        while (sent_ < shared_.request.size()) {
            const IoResult result =
                stream_.write(shared_.request.data() + sent_, shared_.request.size() - sent_);
            if (result.status == Io::failed) return fail(stream_.error());
            if (result.status != Io::done) return Event::none;
            sent_ += result.bytes;
        }
        phase_ = Phase::reading;
        // The answer cannot be here yet: its arrival is an event of its own.
        return Event::none;
    }
    return read_answer();
}

LoadConnection::Event LoadConnection::read_answer() {
    for (;;) {
        const IoResult result = stream_.read(shared_.buffer, shared_.buffer_size);
        if (result.status == Io::failed) return fail(stream_.error());
        if (result.status == Io::closed) {
            reader_.end_of_stream();
            stream_.close();
        } else if (result.status != Io::done) {
            return Event::none;
        } else {
            const std::size_t used = reader_.feed({shared_.buffer, result.bytes});
            if (used != result.bytes) return fail("bytes after the end of the answer");
        }
        if (reader_.state() == ResponseReader::State::broken) return fail(reader_.reason());
        if (reader_.state() == ResponseReader::State::complete) return finish_answer();
        // A short read has emptied the socket: what comes later is a new edge.
        if (!peer_ended_ && !shared_.tls && result.bytes < shared_.buffer_size) return Event::none;
    }
}

LoadConnection::Event LoadConnection::finish_answer() {
    if (reader_.head().status != 200)
        return fail("status " + std::to_string(reader_.head().status));
    if (reader_.body_bytes() != shared_.expect_bytes)
        return fail("a body of " + std::to_string(reader_.body_bytes()) + " bytes");
    if (reader_.head().close || shared_.new_connection) stream_.close();
    phase_ = Phase::idle;
    return Event::answered;
}

LoadConnection::Event LoadConnection::fail(std::string reason) {
    error_ = std::move(reason);
    stream_.close();
    phase_ = Phase::idle;
    return Event::failed;
}

}  // namespace switchyard::bench
