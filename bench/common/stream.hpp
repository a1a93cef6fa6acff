#pragma once

#include "bench/common/address.hpp"

#include <cstddef>
#include <string>
#include <string_view>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

namespace switchyard::bench {

enum class Io : unsigned char {
    done,        ///< Some bytes were moved (or the handshake is over).
    want_read,   ///< Wait until the socket is readable.
    want_write,  ///< Wait until the socket is writable.
    closed,      ///< The other side ended the stream in an orderly way.
    failed,      ///< Reset, refused or a TLS error; see Stream::error().
};

struct IoResult {
    Io status = Io::done;
    std::size_t bytes = 0;
};

/// One non-blocking client connection, plain or TLS. Used from one thread.
class Stream {
  public:
    Stream() = default;
    ~Stream() { close(); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// Starts to connect; `tls` may be null (plain) and must outlive the stream. False: see
    /// error().
    bool connect(const Address& address, SSL_CTX* tls, const std::string& server_name);

    /// Goes on with connecting and the TLS handshake; `done` once the stream is ready for use.
    IoResult handshake();

    IoResult read(char* data, std::size_t size);
    IoResult write(const char* data, std::size_t size);

    /// The protocol that was agreed on in the handshake (ALPN); empty: none.
    std::string_view protocol() const noexcept;

    /// Decrypted bytes that no readiness event will announce.
    bool has_buffered() const noexcept;

    /// Closes at once, without waiting for anything; unread data makes the kernel reset.
    void close() noexcept;

    /// Makes close() send a reset instead of an orderly end.
    void set_abort() noexcept;

    bool open() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }
    const std::string& error() const noexcept { return error_; }

  private:
    IoResult fail(const char* where);
    IoResult tls_result(int result, const char* where);

    int fd_ = -1;
    SSL* ssl_ = nullptr;
    bool connected_ = false;
    std::string error_;
};

/// A client context that checks no certificate, offers this protocol (ALPN) and one TLS 1.3 cipher
/// suite (so that all contestants do the same work) and resumes nothing. Throws std::runtime_error.
SSL_CTX* make_client_tls(std::string_view protocol = "http/1.1");

}  // namespace switchyard::bench
