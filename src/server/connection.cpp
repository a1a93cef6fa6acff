#include "server/connection.hpp"

#include <openssl/ssl.h>

namespace switchyard::server {

void Connection::start(int fd, const ListenerSettings& settings) {
    client_.peer.https_port = settings.https_port;
    if (!stream_.open(fd)) {
        host_.connection_ended(*this);
        return;
    }
    if (settings.tls == nullptr) {
        choose_http1();
        run_session();
        return;
    }
    task_.start(
        open(settings.tls), [](void* self) { static_cast<Connection*>(self)->run_session(); },
        this);
}

/// The order is that of the octets: whatever stands before the handshake (a header of a balancer)
/// is to be read first.
Task<void> Connection::open(std::shared_ptr<const net::TlsContext> tls) {
    const bool secure = co_await shake_hands(std::move(tls));
    if (!secure) {
        stream_.close();
        co_return;
    }
    choose_http1();
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

void Connection::choose_http1() {
    http1_.emplace(stream_, host_, host_.contexts(), client_);
    if (refusing_) http1_->refuse_all();
    if (stopping_) http1_->stop();
}

void Connection::run_session() {
    if (!http1_) {
        host_.connection_ended(*this);
        return;
    }
    task_.start(
        http1_->run(),
        [](void* self) {
            auto& connection = *static_cast<Connection*>(self);
            connection.host_.connection_ended(connection);
        },
        this);
}

void Connection::drain() noexcept {
    // One that is still being opened finds out by itself.
    if (http1_) http1_->drain();
}

void Connection::stop() noexcept {
    stopping_ = true;
    if (http1_) {
        http1_->stop();
    } else {
        stream_.cancel();
    }
}

}  // namespace switchyard::server
