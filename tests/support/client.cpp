#include "support/client.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace switchyard::test {
namespace {

using Kind = ClientError::Kind;

constexpr std::size_t kReadSize = 64 * 1024;

[[noreturn]] void broken(const std::string& what) {
    throw ClientError(Kind::broken, what + ": " + std::strerror(errno));
}

void wait_for(int fd, short events, Deadline deadline, const char* doing) {
    pollfd ready{fd, events, 0};
    for (;;) {
        const int n = ::poll(&ready, 1, deadline.poll_ms());
        if (n > 0) return;
        if (n == 0) throw ClientError(Kind::timeout, std::string("deadline passed while ") + doing);
        if (errno != EINTR) broken("poll");
    }
}

void finish_connect(int fd, Deadline deadline, const std::string& address) {
    wait_for(fd, POLLOUT, deadline, "connecting");
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    if (error != 0) broken("connect to " + address);
}

int connect_unix(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path) throw std::invalid_argument("path too long: " + path);
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) broken("socket");
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
        const int error = errno;
        ::close(fd);
        errno = error;
        broken("connect to " + path);
    }
    return fd;
}

int connect_tcp(const std::string& address, Deadline deadline) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) throw std::invalid_argument("no port in " + address);
    auto host = address.substr(0, colon);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0) {
        throw std::invalid_argument("no address: " + address);
    }
    const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int result = ::connect(fd, found->ai_addr, found->ai_addrlen);
    const int error = errno;
    ::freeaddrinfo(found);
    try {
        if (result != 0 && error != EINPROGRESS) {
            errno = error;
            broken("connect to " + address);
        }
        finish_connect(fd, deadline, address);
    } catch (...) {
        ::close(fd);
        throw;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

std::string alpn_wire(const std::vector<std::string>& protocols) {
    std::string wire;
    for (const auto& protocol : protocols) {
        wire.push_back(static_cast<char>(protocol.size()));
        wire += protocol;
    }
    return wire;
}

}  // namespace

struct Client::State {
    int fd = -1;
    SSL_CTX* context = nullptr;
    SSL* ssl = nullptr;
    SSL_SESSION* session = nullptr;
    std::string buffer;
    std::size_t at = 0;
    bool ended = false;

    ~State() {
        SSL_SESSION_free(session);
        SSL_free(ssl);
        SSL_CTX_free(context);
        if (fd >= 0) ::close(fd);
    }

    void handshake(const TlsOptions& options, const void* resume, Deadline deadline);
    void fail_tls(int result, const char* doing) const;
    /// One read; 0 at the end, -1 when it would have to wait (for `events`).
    long read_once(char* into, std::size_t room, short& events);
};

void Client::State::fail_tls(int result, const char* doing) const {
    const int why = SSL_get_error(ssl, result);
    char text[256] = "connection lost";
    if (why == SSL_ERROR_SSL) ERR_error_string_n(ERR_get_error(), text, sizeof text);
    ERR_clear_error();
    throw ClientError(Kind::broken, std::string("TLS ") + doing + ": " + text);
}

void Client::State::handshake(const TlsOptions& options, const void* resume, Deadline deadline) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    // Tickets come after a TLS 1.3 handshake, within any later read: keep the newest.
    SSL_CTX_sess_set_new_cb(context, [](SSL* ssl_of, SSL_SESSION* fresh) {
        auto* state = static_cast<State*>(SSL_get_app_data(ssl_of));
        SSL_SESSION_free(state->session);
        state->session = fresh;
        return 1;
    });
    if (!options.ca_file.empty()) {
        if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) {
            throw std::invalid_argument("no CA certificate in " + options.ca_file);
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    }
    if (options.max_version != 0) SSL_CTX_set_max_proto_version(context, options.max_version);
    ssl = SSL_new(context);
    SSL_set_app_data(ssl, this);
    if (!options.server_name.empty()) {
        SSL_set_tlsext_host_name(ssl, options.server_name.c_str());
        SSL_set1_host(ssl, options.server_name.c_str());
    }
    if (const auto wire = alpn_wire(options.alpn); !wire.empty()) {
        SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
    }
    if (resume != nullptr) {
        SSL_set_session(ssl, const_cast<SSL_SESSION*>(static_cast<const SSL_SESSION*>(resume)));
    }
    SSL_set_fd(ssl, fd);
    for (;;) {
        const int result = SSL_connect(ssl);
        if (result == 1) return;
        const int why = SSL_get_error(ssl, result);
        if (why == SSL_ERROR_WANT_READ) {
            wait_for(fd, POLLIN, deadline, "shaking hands");
        } else if (why == SSL_ERROR_WANT_WRITE) {
            wait_for(fd, POLLOUT, deadline, "shaking hands");
        } else {
            fail_tls(result, "handshake");
        }
    }
}

long Client::State::read_once(char* into, std::size_t room, short& events) {
    events = POLLIN;
    if (ssl == nullptr) {
        const auto n = ::recv(fd, into, room, 0);
        if (n >= 0) return n;
        if (errno == EAGAIN || errno == EINTR) return -1;
        broken("read");
    }
    const int n = SSL_read(ssl, into, static_cast<int>(room));
    if (n > 0) return n;
    switch (SSL_get_error(ssl, n)) {
        case SSL_ERROR_ZERO_RETURN:
            return 0;
        case SSL_ERROR_WANT_READ:
            return -1;
        case SSL_ERROR_WANT_WRITE:
            events = POLLOUT;
            return -1;
        default:
            fail_tls(n, "read");
    }
    return -1;
}

Client::Client(const std::string& address, Deadline deadline) : state_(std::make_unique<State>()) {
    state_->fd = address.starts_with("unix:") ? connect_unix(address.substr(5))
                                              : connect_tcp(address, deadline);
}

Client::Client(const std::string& address, const TlsOptions& tls, const void* session,
               Deadline deadline)
    : Client(address, deadline) {
    // OpenSSL writes without MSG_NOSIGNAL.
    std::signal(SIGPIPE, SIG_IGN);
    if (!tls.preamble.empty()) send(tls.preamble, deadline);
    state_->handshake(tls, session, deadline);
}

Client::~Client() {
    if (state_) close();
}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

void Client::send(std::string_view bytes, Deadline deadline) {
    if (send_some(bytes, deadline) < bytes.size()) {
        throw ClientError(Kind::timeout, "deadline passed while sending");
    }
}

std::size_t Client::send_some(std::string_view bytes, Deadline deadline) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const auto rest = bytes.substr(sent);
        short events = POLLOUT;
        if (state_->ssl == nullptr) {
            const auto n = ::send(state_->fd, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (n >= 0) {
                sent += static_cast<std::size_t>(n);
                continue;
            }
            if (errno != EAGAIN && errno != EINTR) broken("send");
        } else {
            const int n = SSL_write(state_->ssl, rest.data(),
                                    static_cast<int>(std::min(rest.size(), kReadSize)));
            if (n > 0) {
                sent += static_cast<std::size_t>(n);
                continue;
            }
            const int why = SSL_get_error(state_->ssl, n);
            if (why == SSL_ERROR_WANT_READ) events = POLLIN;
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
                state_->fail_tls(n, "send");
            }
        }
        if (deadline.passed()) break;
        pollfd ready{state_->fd, events, 0};
        ::poll(&ready, 1, deadline.poll_ms());
    }
    return sent;
}

std::string Client::seal(std::string_view bytes) {
    BIO* const socket = SSL_get_wbio(state_->ssl);
    BIO_up_ref(socket);
    SSL_set0_wbio(state_->ssl, BIO_new(BIO_s_mem()));
    send(bytes);
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(state_->ssl), &data);
    std::string wire(data, static_cast<std::size_t>(size));
    SSL_set0_wbio(state_->ssl, socket);
    return wire;
}

void Client::send_raw(std::string_view bytes, Deadline deadline) {
    while (!bytes.empty()) {
        const auto n = ::send(state_->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) broken("send");
        wait_for(state_->fd, POLLOUT, deadline, "sending");
    }
}

void Client::update_keys() {
    if (SSL_key_update(state_->ssl, SSL_KEY_UPDATE_REQUESTED) != 1) {
        throw ClientError(Kind::broken, "no new keys: not TLS 1.3, or not now");
    }
}

std::string_view Client::buffered() const {
    return std::string_view(state_->buffer).substr(state_->at);
}

void Client::consume(std::size_t bytes) {
    state_->at += bytes;
    if (state_->at == state_->buffer.size()) {
        state_->buffer.clear();
        state_->at = 0;
    }
}

bool Client::read_more(Deadline deadline) {
    auto& buffer = state_->buffer;
    if (state_->ended) return false;
    if (state_->at > kReadSize) {
        buffer.erase(0, state_->at);
        state_->at = 0;
    }
    const auto old = buffer.size();
    buffer.resize(old + kReadSize);
    try {
        for (;;) {
            short events = 0;
            const auto n = state_->read_once(buffer.data() + old, kReadSize, events);
            if (n >= 0) {
                buffer.resize(old + static_cast<std::size_t>(n));
                state_->ended = n == 0;
                return n > 0;
            }
            wait_for(state_->fd, events, deadline, "reading");
        }
    } catch (...) {
        buffer.resize(old);
        throw;
    }
}

std::string Client::read_exactly(std::size_t bytes, Deadline deadline) {
    while (buffered().size() < bytes) {
        if (!read_more(deadline)) {
            throw ClientError(Kind::closed, "connection ended after " +
                                                std::to_string(buffered().size()) + " of " +
                                                std::to_string(bytes) + " bytes");
        }
    }
    std::string taken(buffered().substr(0, bytes));
    consume(bytes);
    return taken;
}

std::string Client::read_until(std::string_view mark, Deadline deadline) {
    for (;;) {
        if (const auto at = buffered().find(mark); at != std::string_view::npos) {
            return read_exactly(at + mark.size(), deadline);
        }
        if (!read_more(deadline)) {
            throw ClientError(Kind::closed, "connection ended before the mark, after: " +
                                                std::string(buffered()));
        }
    }
}

std::string Client::read_to_end(Deadline deadline) {
    while (read_more(deadline)) {
    }
    return read_exactly(buffered().size(), deadline);
}

bool Client::ended(Deadline deadline) {
    if (!buffered().empty()) return false;
    try {
        return !read_more(deadline);
    } catch (const ClientError& error) {
        return error.kind == Kind::broken;
    }
}

bool Client::quiet_for(milliseconds time) {
    if (!buffered().empty() || state_->ended) return false;
    try {
        static_cast<void>(read_more(Deadline(time)));
        return false;
    } catch (const ClientError& error) {
        return error.kind == Kind::timeout;
    }
}

void Client::shutdown_write() {
    if (state_->ssl != nullptr) SSL_shutdown(state_->ssl);
    ::shutdown(state_->fd, SHUT_WR);
}

void Client::close() {
    if (state_->fd < 0) return;
    if (state_->ssl != nullptr) {
        SSL_shutdown(state_->ssl);
        ERR_clear_error();
    }
    ::close(state_->fd);
    state_->fd = -1;
    state_->ended = true;
}

void Client::reset() {
    const linger at_once{1, 0};
    ::setsockopt(state_->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(state_->fd);
    state_->fd = -1;
    state_->ended = true;
}

void Client::shrink_receive_buffer() {
    const int least = 1;
    ::setsockopt(state_->fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
}

std::string Client::local_address() const {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(state_->fd, reinterpret_cast<sockaddr*>(&name), &size);
    char host[INET6_ADDRSTRLEN] = "";
    char port[8] = "";
    if (name.ss_family == AF_UNIX) return {};
    ::getnameinfo(reinterpret_cast<const sockaddr*>(&name), size, host, sizeof host, port,
                  sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    const bool v6 = name.ss_family == AF_INET6;
    return (v6 ? "[" : "") + std::string(host) + (v6 ? "]:" : ":") + port;
}

TlsFacts Client::tls() const {
    TlsFacts facts;
    facts.version = SSL_get_version(state_->ssl);
    facts.resumed = SSL_session_reused(state_->ssl) == 1;
    const unsigned char* alpn = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(state_->ssl, &alpn, &size);
    if (size > 0) facts.alpn.assign(reinterpret_cast<const char*>(alpn), size);
    if (X509* certificate = SSL_get1_peer_certificate(state_->ssl); certificate != nullptr) {
        char name[256] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                  sizeof name);
        facts.subject = name;
        BIGNUM* serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
        char* hex = BN_bn2hex(serial);
        facts.serial = hex;
        OPENSSL_free(hex);
        BN_free(serial);
        X509_free(certificate);
    }
    return facts;
}

const void* Client::session() const {
    return state_->session;
}

}  // namespace switchyard::test
