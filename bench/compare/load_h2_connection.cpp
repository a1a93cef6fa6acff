#include "bench/compare/load_h2_connection.hpp"

#include "bench/common/clock.hpp"

#include <algorithm>
#include <cstring>
#include <sys/epoll.h>

namespace switchyard::bench {
namespace {

// Wide enough that the proxy is never stopped by the client.
constexpr H2Connection::Options kWindows{1024 * 1024, 64 * 1024 * 1024};
constexpr std::size_t kEnoughOutput = 64 * 1024;

}  // namespace

/// One stream after the other.
class LoadH2Connection::Requester final : public H2Exchange {
  public:
    Requester(LoadH2Connection& owner, std::uint64_t body_bytes)
        : owner_(owner), body_bytes_(body_bytes) {}

    bool active() const noexcept { return active_; }
    void forget() noexcept { active_ = false; }

    bool begin() {
        H2Connection::Request request;
        request.path = owner_.shared_.request;
        request.authority = owner_.shared_.host;
        request.scheme = owner_.shared_.tls ? "https" : "http";
        if (body_bytes_ > 0) {
            request.method = "POST";
            request.content_length = static_cast<std::int64_t>(body_bytes_);
            request.has_body = true;
        }
        received_ = 0;
        left_ = body_bytes_;
        began_ = now_ns();
        active_ = owner_.connection_->submit(request, *this);
        return active_;
    }

  private:
    std::size_t on_body(std::string_view piece) override {
        received_ += piece.size();
        return piece.size();
    }
    std::size_t next_body(char* room, std::size_t size, bool& last) override {
        const std::size_t count = std::min<std::uint64_t>(size, left_);
        std::memset(room, 'x', count);
        left_ -= count;
        last = left_ == 0;
        return count;
    }
    void on_close(bool complete, std::uint32_t code) override {
        active_ = false;
        if (!complete) return owner_.sink_.on_failure("stream reset, code " + std::to_string(code));
        if (head.status != 200)
            return owner_.sink_.on_failure("status " + std::to_string(head.status));
        if (received_ != owner_.shared_.expect_bytes)
            return owner_.sink_.on_failure("a body of " + std::to_string(received_) + " bytes");
        owner_.sink_.on_answer(began_);
    }

    LoadH2Connection& owner_;
    const std::uint64_t body_bytes_;
    std::uint64_t received_ = 0;
    std::uint64_t left_ = 0;
    std::int64_t began_ = 0;
    bool active_ = false;
};

LoadH2Connection::LoadH2Connection(LoadShared& shared, unsigned streams, std::uint64_t body_bytes,
                                   Sink& sink)
    : shared_(shared), sink_(sink) {
    for (unsigned i = 0; i < streams; ++i)
        requesters_.push_back(std::make_unique<Requester>(*this, body_bytes));
}

LoadH2Connection::~LoadH2Connection() = default;

void LoadH2Connection::start() {
    connection_ = std::make_unique<H2Connection>(kWindows);
    connected_ = false;
    out_.clear();
    sent_ = 0;
    for (const auto& requester : requesters_)
        requester->forget();
    if (!stream_.connect(shared_.address, shared_.tls, shared_.host)) return fail(stream_.error());
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = this;
    if (epoll_ctl(shared_.epoll, EPOLL_CTL_ADD, stream_.fd(), &event) != 0)
        return fail("epoll_ctl failed");
    advance();
}

void LoadH2Connection::on_ready() {
    if (stream_.open())
        advance();
    else
        start();
}

void LoadH2Connection::advance() {
    if (!connected_) {
        const IoResult result = stream_.handshake();
        if (result.status == Io::failed || result.status == Io::closed)
            return fail(stream_.error());
        if (result.status != Io::done) return;
        if (shared_.tls && stream_.protocol() != "h2") return fail("no h2 by ALPN");
        connected_ = true;
    }
    for (;;) {
        const IoResult result = stream_.read(shared_.buffer, shared_.buffer_size);
        if (result.status == Io::want_read || result.status == Io::want_write) break;
        if (result.status != Io::done)
            return fail(result.status == Io::failed ? stream_.error() : "closed");
        if (!connection_->feed({shared_.buffer, result.bytes})) return fail(connection_->error());
        // A short read has emptied the socket.
        if (!shared_.tls && result.bytes < shared_.buffer_size) break;
    }
    if (connection_->goaway()) return fail(connection_->error());
    for (const auto& requester : requesters_)
        if (!requester->active() && !requester->begin()) return fail("no further stream");
    flush();
}

bool LoadH2Connection::flush() {
    for (;;) {
        if (sent_ == out_.size()) {
            out_.clear();
            sent_ = 0;
            while (out_.size() < kEnoughOutput) {
                const std::string_view more = connection_->output();
                if (more.empty()) break;
                out_ += more;
            }
            if (out_.empty()) return true;
        }
        const IoResult result = stream_.write(out_.data() + sent_, out_.size() - sent_);
        if (result.status == Io::failed) {
            fail(stream_.error());
            return false;
        }
        if (result.status != Io::done) return true;
        sent_ += result.bytes;
    }
}

void LoadH2Connection::fail(const std::string& why) {
    stream_.close();
    sink_.on_failure(why);
}

}  // namespace switchyard::bench
