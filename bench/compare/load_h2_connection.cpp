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
    std::int64_t began() const noexcept { return began_; }

    /// False: the connection can begin no more.
    bool begin(std::int64_t began) {
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
        began_ = began;
        active_ = true;
        return owner_.connection_->submit(request, *this);
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
        owner_.free_.push_back(this);
        if (!complete)
            return owner_.sink_.on_failure(began_, "stream reset, code " + std::to_string(code));
        if (head.status != 200)
            return owner_.sink_.on_failure(began_, "status " + std::to_string(head.status));
        if (received_ != owner_.shared_.expect_bytes)
            return owner_.sink_.on_failure(began_,
                                           "a body of " + std::to_string(received_) + " bytes");
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
    free_.clear();
    for (const auto& requester : requesters_)
        free_.push_back(requester.get());
    if (!stream_.connect(shared_.address, shared_.tls, shared_.host)) return fail(stream_.error());
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = this;
    if (epoll_ctl(shared_.epoll, EPOLL_CTL_ADD, stream_.fd(), &event) != 0)
        return fail("epoll_ctl failed");
}

void LoadH2Connection::on_ready() {
    if (!stream_.open()) return;
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
}

void LoadH2Connection::begin(std::int64_t began) {
    Requester& requester = *free_.back();
    free_.pop_back();
    if (!requester.begin(began)) fail("no further stream");
}

void LoadH2Connection::flush() {
    while (connected_) {
        if (sent_ == out_.size()) {
            out_.clear();
            sent_ = 0;
            while (out_.size() < kEnoughOutput) {
                const std::string_view more = connection_->output();
                if (more.empty()) break;
                out_ += more;
            }
            if (out_.empty()) return;
        }
        const IoResult result = stream_.write(out_.data() + sent_, out_.size() - sent_);
        if (result.status == Io::failed) return fail(stream_.error());
        if (result.status != Io::done) return;
        sent_ += result.bytes;
    }
}

std::uint64_t LoadH2Connection::under_way(std::int64_t since) const noexcept {
    return static_cast<std::uint64_t>(std::count_if(
        requesters_.begin(), requesters_.end(),
        [&](const auto& requester) { return requester->active() && requester->began() >= since; }));
}

void LoadH2Connection::fail(const std::string& why) {
    stream_.close();
    connected_ = false;
    bool lost = false;
    for (const auto& requester : requesters_) {
        if (!requester->active()) continue;
        requester->forget();
        lost = true;
        sink_.on_failure(requester->began(), why);
    }
    if (!lost) sink_.on_failure(0, why);
}

}  // namespace switchyard::bench
