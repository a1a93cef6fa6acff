#include "bench/common/stream.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace switchyard::bench {

bool Stream::connect(const Address& address, SSL_CTX* tls, const std::string& server_name) {
    close();
    error_.clear();
    connected_ = false;
    fd_ = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) {
        fail("socket");
        return false;
    }
    if (address.family() != AF_UNIX) set_nodelay(fd_);
    if (::connect(fd_, address.get(), address.length) == 0) {
        connected_ = true;
    } else if (errno != EINPROGRESS) {
        fail("connect");
        close();
        return false;
    }
    if (tls) {
        ssl_ = SSL_new(tls);
        SSL_set_fd(ssl_, fd_);
        SSL_set_connect_state(ssl_);
        if (!server_name.empty()) SSL_set_tlsext_host_name(ssl_, server_name.c_str());
    }
    return true;
}

IoResult Stream::handshake() {
    if (!connected_) {
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0) {
            errno = error;
            return fail("connect");
        }
        sockaddr_storage peer{};
        socklen_t peer_length = sizeof peer;
        if (getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &peer_length) != 0)
            return {Io::want_write, 0};
        connected_ = true;
    }
    if (!ssl_) return {Io::done, 0};
    const int result = SSL_do_handshake(ssl_);
    if (result == 1) return {Io::done, 0};
    return tls_result(result, "TLS handshake");
}

IoResult Stream::read(char* data, std::size_t size) {
    if (!ssl_) {
        const ssize_t count = recv(fd_, data, size, 0);
        if (count > 0) return {Io::done, static_cast<std::size_t>(count)};
        if (count == 0) return {Io::closed, 0};
        if (errno == EAGAIN || errno == EINTR) return {Io::want_read, 0};
        return fail("read");
    }
    std::size_t total = 0;
    while (total < size) {
        std::size_t count = 0;
        const int result = SSL_read_ex(ssl_, data + total, size - total, &count);
        if (result != 1) {
            if (total > 0) {
                ERR_clear_error();
                return {Io::done, total};
            }
            return tls_result(result, "TLS read");
        }
        total += count;
        if (!SSL_has_pending(ssl_)) break;
    }
    return {Io::done, total};
}

IoResult Stream::write(const char* data, std::size_t size) {
    if (!ssl_) {
        const ssize_t count = send(fd_, data, size, MSG_NOSIGNAL);
        if (count >= 0) return {Io::done, static_cast<std::size_t>(count)};
        if (errno == EAGAIN || errno == EINTR) return {Io::want_write, 0};
        return fail("write");
    }
    std::size_t count = 0;
    const int result = SSL_write_ex(ssl_, data, size, &count);
    if (result == 1) return {Io::done, count};
    return tls_result(result, "TLS write");
}

std::string_view Stream::protocol() const noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    if (ssl_) SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

bool Stream::has_buffered() const noexcept {
    return ssl_ && SSL_has_pending(ssl_) == 1;
}

void Stream::close() noexcept {
    if (ssl_) {
        SSL_free(ssl_);
        ssl_ = nullptr;
    }
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

void Stream::set_abort() noexcept {
    const linger value{1, 0};
    if (fd_ >= 0) setsockopt(fd_, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

IoResult Stream::fail(const char* where) {
    error_ = std::string(where) + ": " + std::strerror(errno);
    return {Io::failed, 0};
}

IoResult Stream::tls_result(int result, const char* where) {
    const int reason = SSL_get_error(ssl_, result);
    if (reason == SSL_ERROR_WANT_READ) return {Io::want_read, 0};
    if (reason == SSL_ERROR_WANT_WRITE) return {Io::want_write, 0};
    if (reason == SSL_ERROR_ZERO_RETURN) return {Io::closed, 0};
    if (reason == SSL_ERROR_SYSCALL && errno != 0 && ERR_peek_error() == 0) return fail(where);
    const char* text = ERR_reason_error_string(ERR_peek_error());
    error_ = std::string(where) + ": " + (text ? text : "closed without close_notify");
    ERR_clear_error();
    return {Io::failed, 0};
}

SSL_CTX* make_client_tls(std::string_view protocol) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    if (!context) throw std::runtime_error("no TLS client context");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 65536);
    const std::string list = static_cast<char>(protocol.size()) + std::string(protocol);
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()),
                            static_cast<unsigned>(list.size()));
    return context;
}

}  // namespace switchyard::bench
