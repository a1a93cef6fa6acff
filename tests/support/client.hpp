#pragma once

#include "support/deadline.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::test {

/// Why a read or write came to nothing.
struct ClientError : std::runtime_error {
    enum class Kind {
        timeout,  ///< The deadline passed.
        closed,   ///< The peer ended the connection in order (FIN; over TLS close_notify).
        broken,   ///< A reset, a refused connection, TLS cut without close_notify, a TLS error.
    };
    ClientError(Kind which, const std::string& what) : std::runtime_error(what), kind(which) {}
    Kind kind;
};

struct TlsOptions {
    std::string server_name = "localhost";  ///< SNI, and what the certificate must say.
    std::string ca_file;                    ///< Empty: the certificate is not checked.
    std::vector<std::string> alpn;
    int max_version = 0;     ///< TLS1_2_VERSION, ...; 0: the newest.
    std::string preamble{};  ///< Sent before the handshake.
};

/// What a handshake came to.
struct TlsFacts {
    std::string version;  ///< "TLSv1.3"
    std::string alpn;     ///< Chosen protocol, or empty.
    std::string subject;  ///< Common name of the server's certificate.
    std::string serial;   ///< Serial number of the server's certificate, hex.
    bool resumed = false;
};

/// A client connection that sends and reads exactly what a test wants: bytes, over TCP, a unix
/// socket or TLS. Every call has a deadline; failures are ClientError. Not thread-safe, but movable
/// between threads.
class Client {
  public:
    /// "127.0.0.1:80", "[::1]:80" or "unix:PATH".
    explicit Client(const std::string& address, Deadline deadline = {});
    /// The same with a TLS handshake; `session` (if given) is a session of session() to resume.
    Client(const std::string& address, const TlsOptions& tls, const void* session = nullptr,
           Deadline deadline = {});
    ~Client();
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;

    void send(std::string_view bytes, Deadline deadline = {});

    /// Sends as much as the peer takes before the deadline; returns how much that was.
    std::size_t send_some(std::string_view bytes, Deadline deadline);

    /// What `bytes` are on the wire, over TLS: one record or more, not sent. Each of them must go
    /// out by send_raw(), whole and in order, before anything else is sent.
    [[nodiscard]] std::string seal(std::string_view bytes);
    /// Bytes as they are, below TLS.
    void send_raw(std::string_view bytes, Deadline deadline = {});
    /// Has the next send begin with new keys of TLS 1.3, and asks the peer for theirs.
    void update_keys();

    /// What was read but not yet taken. Take from the front with consume().
    [[nodiscard]] std::string_view buffered() const;
    void consume(std::size_t bytes);

    /// Reads at least one more byte into the buffer. False when the peer has closed in order.
    [[nodiscard]] bool read_more(Deadline deadline = {});

    /// Takes exactly so many bytes; `closed` if the connection ends before.
    std::string read_exactly(std::size_t bytes, Deadline deadline = {});
    /// Takes everything up to and including `mark`.
    std::string read_until(std::string_view mark, Deadline deadline = {});
    /// Takes everything until the peer closes in order.
    std::string read_to_end(Deadline deadline = {});

    /// True once the peer has ended the connection (in order or not) with nothing left to read.
    [[nodiscard]] bool ended(Deadline deadline = {});
    /// True if within this time neither a byte nor the end came. (The one use of time: to see that
    /// nothing happens.)
    [[nodiscard]] bool quiet_for(milliseconds time);

    void shutdown_write();  ///< FIN (over TLS: close_notify first).
    void close();           ///< In order; may be called twice.
    void reset();           ///< TCP reset.

    /// Smallest receive buffer, so that the peer's backpressure is felt soon.
    void shrink_receive_buffer();

    [[nodiscard]] std::string local_address() const;  ///< "127.0.0.1:54321"; empty for unix.
    [[nodiscard]] TlsFacts tls() const;
    /// The TLS session for a later connection, owned by this client; null if there is none (TLS 1.3
    /// sends it after the handshake: read an answer first).
    [[nodiscard]] const void* session() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace switchyard::test
