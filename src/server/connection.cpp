#include "server/connection.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <openssl/ssl.h>

namespace switchyard::server {

namespace {

/// RFC 9113 §3.4. No request of HTTP/1 begins like this.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kFirstRead = 16 * 1024;

bool chose_h2(const ssl_st* tls) noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls, &name, &size);
    return size == 2 && std::memcmp(name, "h2", 2) == 0;
}

}  // namespace

void Connection::start(int fd, const ListenerSettings& settings) {
    client_.peer.https_port = settings.https_port;
    if (!stream_.open(fd)) {
        host_.connection_ended(*this);
        return;
    }
    client_.stream = &stream_;
    const bool header = settings.proxies != nullptr && settings.expects_header(client_.address);
    if (settings.tls == nullptr && !settings.h2c && !header) {
        choose_http1({});
        run_session();
        return;
    }
    task_.start(
        open(settings.tls, settings.h2c, header),
        [](void* self) { static_cast<Connection*>(self)->run_session(); }, this);
}

/// The order is that of the octets: whatever stands before the handshake (a header of a balancer)
/// is to be read first.
Task<void> Connection::open(std::shared_ptr<const net::TlsContext> tls, bool h2c, bool header) {
    if (header) {
        const bool taken = co_await take_header();
        if (!taken) {
            stream_.close();
            co_return;
        }
    }
    if (tls == nullptr) {
        if (h2c) {
            co_await look_at_preface();
        } else {
            choose_http1({});
        }
        co_return;
    }
    const bool secure = co_await shake_hands(std::move(tls));
    if (!secure) {
        stream_.close();
    } else if (chose_h2(stream_.tls())) {
        choose_http2({});
    } else {
        choose_http1({});
    }
}

/// Prior knowledge (RFC 9113 §3.3): reads until the preface is there, or something else.
Task<void> Connection::look_at_preface() {
    Buffer received;
    const net::TimerWheel& timers = stream_.loop().timers();
    std::uint64_t deadline = timers.after(host_.options()->keep_alive);
    for (;;) {
        const std::size_t size = std::min(received.size(), kPreface.size());
        const bool fits = received.view().substr(0, size) == kPreface.substr(0, size);
        if (!fits) {
            choose_http1(std::move(received));
            co_return;
        }
        if (size == kPreface.size()) {
            choose_http2(std::move(received));
            co_return;
        }
        received.reserve(kFirstRead);
        std::size_t done = 0;
        net::IoStatus status = stream_.try_read(received.tail(), received.room(), done);
        if (status == net::IoStatus::ok) {
            // The preface may take as long as a head.
            if (received.empty()) deadline = timers.after(host_.options()->request_head);
            received.commit(done);
            continue;
        }
        if (received.empty()) received.release();  // An idle connection holds none.
        if (status == net::IoStatus::again) {
            status = net::IoStatus::timed_out;
            looking_ = true;
            if (deadline == 0 || timers.now() < deadline) {
                status = co_await stream_.readable(timers.left(deadline));
            }
            looking_ = false;
        }
        if (status == net::IoStatus::cancelled && !stopping_) {
            // A drain: HTTP/1's session knows what to do with a connection that said nothing yet.
            stream_.look_once_more();
            choose_http1(std::move(received));
            co_return;
        }
        if (status != net::IoStatus::ok) {
            stream_.close();
            co_return;
        }
    }
}

Task<bool> Connection::shake_hands(std::shared_ptr<const net::TlsContext> tls) {
    const std::chrono::milliseconds timeout = host_.options()->tls_handshake;
    const net::IoStatus status = co_await stream_.accept_tls(tls->start(), timeout);
    if (status != net::IoStatus::ok) {
        host_.counters().tls_handshake_failures.add();
        co_return false;
    }
    host_.counters().tls_handshakes.add();
    if (SSL_session_reused(stream_.tls()) != 0) host_.counters().tls_resumed.add();
    client_.peer.tls_version = SSL_get_version(stream_.tls());
    co_return true;
}

void Connection::choose_http1(Buffer received) {
    http1_.emplace(stream_, host_, host_.contexts(), client_);
    if (!received.empty()) http1_->begin_with(std::move(received));
    if (refusing_) http1_->refuse_all();
    if (stopping_) http1_->stop();
}

void Connection::choose_http2(Buffer received) {
    http2_ = std::make_unique<h2::ServerSession>(stream_, host_, host_.streams(), client_);
    http2_->begin_with(std::move(received));
    if (refusing_) http2_->refuse_all();
    if (stopping_) http2_->stop();
}

void Connection::run_session() {
    if (!http1_ && !http2_) {
        host_.connection_ended(*this);
        return;
    }
    task_.start(
        http2_ ? http2_->run() : http1_->run(),
        [](void* self) {
            auto& connection = *static_cast<Connection*>(self);
            connection.host_.connection_ended(connection);
        },
        this);
}

void Connection::drain() noexcept {
    if (http1_) {
        http1_->drain();
    } else if (http2_) {
        http2_->drain();
    } else if (looking_) {
        stream_.cancel();
    }
    // One that shakes hands finds out by itself.
}

void Connection::stop() noexcept {
    stopping_ = true;
    if (http1_) {
        http1_->stop();
    } else if (http2_) {
        http2_->stop();
    } else {
        stream_.cancel();
    }
}

}  // namespace switchyard::server
