#pragma once

#include "base/task.hpp"
#include "http/head.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace switchyard {
class Pipe;
}

/// One request and its response, whatever the protocol below. The relay knows only this.
namespace switchyard::http {

/// How moving bytes ended; the side is known from whom one asked.
enum class Fault : std::uint8_t {
    none,
    closed,  ///< The peer ended the connection in good order, but too early.
    reset,   ///< The connection broke (errno, TLS).
    timed_out,
    cancelled,
    malformed,  ///< The peer broke the protocol.
    too_large,  ///< A limit was passed.
};

/// The next piece of a body. `data` is valid until the next pull from the same body.
struct Chunk {
    std::string_view data;
    bool last = false;  ///< Nothing follows; trailers() are complete.
    Fault fault = Fault::none;
};

/// A piece of a body that is in a Pipe, unseen.
struct PipedChunk {
    std::size_t size = 0;
    bool last = false;  ///< Nothing follows.
    Fault fault = Fault::none;
};

/// A message body, pulled: the next piece is read after the last one was accepted on the other
/// side. That is all the backpressure there is.
class Body {
  public:
    virtual ~Body() = default;
    /// What was received already; reads nothing, so views into the same buffer (the head's) stay
    /// valid. False: nothing.
    virtual bool take_received(Chunk& chunk) = 0;
    /// What is at hand without waiting. False: nothing yet.
    virtual bool try_next(Chunk& chunk) = 0;
    /// Waits for the next piece. After a last or faulty one it must not be called again.
    virtual Task<Chunk> next() = 0;
    /// Octets to come that nobody has to look at, and of which none was read yet: they can go
    /// through a pipe. 0: there are none such.
    [[nodiscard]] virtual std::uint64_t pipeable() const noexcept { return 0; }
    /// In place of next(), while there are: waits for a piece, and moves it into the empty pipe. An
    /// empty piece that is not the last: it can't be done here, and nothing was moved.
    virtual Task<PipedChunk> next_into(Pipe& pipe);
    /// Of a tunnel: a next() that waits ends now, with an empty piece that is not the last.
    virtual void interrupt() noexcept = 0;
    /// Fields of the trailer section (RFC 9110 §6.5), once the last piece came.
    [[nodiscard]] virtual const Fields& trailers() const = 0;
    /// Whether the last piece was pulled.
    [[nodiscard]] virtual bool finished() const = 0;
    /// Octets of the body pulled so far.
    [[nodiscard]] virtual std::uint64_t received() const = 0;
};

/// What is known of the client. Valid as long as the exchange.
struct Peer {
    std::string_view address;      ///< Without port.
    std::string_view tls_version;  ///< "TLSv1.3", or empty.
    std::uint16_t https_port = 0;  ///< The listener redirects to this port; 0: it does not.
    bool trusted = false;          ///< In trusted_proxies: its forwarding fields are believed.
    [[nodiscard]] bool tls() const noexcept { return !tls_version.empty(); }
};

/// What the client's connection is between, in texts like Peer::address; empty: not known.
struct Ends {
    std::string_view client;
    std::uint16_t client_port = 0;
    std::string_view server;
    std::uint16_t server_port = 0;
};

class Exchange {
  public:
    virtual ~Exchange() = default;

    [[nodiscard]] virtual const RequestHead& request() const = 0;
    [[nodiscard]] virtual const Peer& peer() const = 0;
    /// May ask the system; texts as of peer().
    [[nodiscard]] virtual Ends ends() const { return {peer().address, 0, {}, 0}; }
    /// steady_clock nanoseconds of the first byte of the request.
    [[nodiscard]] virtual std::uint64_t started_ns() const = 0;
    [[nodiscard]] virtual Body& request_body() = 0;
    /// Octets that the request's body may have (0: no limit), before it is pulled.
    virtual void limit_body(std::uint64_t limit) = 0;

    /// Octets of memory that what came of the request takes: its head, what was read of its body,
    /// and what came behind it. What a hold counts.
    [[nodiscard]] virtual std::size_t held_bytes() const {
        std::size_t sum = request().method.size() + request().target.size();
        for (const Field& field : request().fields)
            sum += field.name.size() + field.value.size() + sizeof(Field);
        return sum;
    }

    /// An informational response (1xx); dropped where the client can't take it (HTTP/1.0).
    virtual Task<Fault> send_interim(const OutgoingResponse& head) = 0;
    /// The head together with the first piece of the body, and `trailers` if that is the last. One
    /// call per exchange. Framing::close
    /// asks for a body of unknown length; the codec frames it as the client needs.
    virtual Task<Fault> send_head(const OutgoingResponse& head, Chunk first,
                                  const Fields& trailers) = 0;
    /// A further piece. `last` ends the body, with `trailers` where they can be sent.
    virtual Task<Fault> send_body(Chunk piece, const Fields& trailers) = 0;
    /// After send_head(): whether pieces of the body can be sent from a pipe.
    [[nodiscard]] virtual bool takes_pipe() const noexcept { return false; }
    /// In place of send_body(), if so: sends all that is in the pipe. `more`: further pieces are
    /// most likely there at once, so that what is less than a packet may wait for them.
    virtual Task<Fault> send_body(Pipe& pipe, bool more);
    /// In place of send_head(), when request().upgrade asked for `protocol`: the exchange becomes a
    /// tunnel (RFC 9110 §7.8, RFC 8441 §4). `head` has status 101; the codec says it in its own
    /// way. From here on request_body() gives the client's octets as they are, what came behind
    /// its request's head first, until the client ends its side; it has no limit. send_body() sends
    /// octets as they are; `last` ends our side, and the other one goes on. Neither has a time
    /// limit: the caller ends what takes too long, with cancel_io().
    virtual Task<Fault> accept_upgrade(const OutgoingResponse& head, std::string_view protocol) = 0;

    [[nodiscard]] virtual bool head_sent() const = 0;
    /// Octets sent to the client, heads and framing included.
    [[nodiscard]] virtual std::uint64_t bytes_sent() const = 0;

    /// Closes the client's connection after this response (a h2 codec only notes it).
    virtual void close_after() = 0;
    /// Ends the exchange so that the client can't take what it got for the whole (C9).
    virtual void abort() = 0;
    /// The same, with what the origin said when it broke its response off, a code of HTTP/2 (RFC
    /// 9113 §7): the client is told as much as is true for it, where its protocol can say it.
    virtual void abort_with(std::uint32_t /*code*/) { abort(); }
    /// Calls back once when the client leaves while nothing is read from it, also when it closes
    /// its sending side. Null: off. True when its connection is broken already (nothing will be
    /// called).
    virtual bool watch_client(void (*callback)(void*), void* context) = 0;
    /// Ends all waits on the client side with Fault::cancelled, from now to resume_io().
    virtual void cancel_io() = 0;
    virtual void resume_io() = 0;
};

/// Who answers: the relay. `handle` ends when the exchange is over, one way or the other. It does
/// not throw.
class Handler {
  public:
    virtual ~Handler() = default;
    virtual Task<void> handle(Exchange& exchange) = 0;
    /// A request that the codec refused before it was one: answered with an error page, logged and
    /// counted like all others. The exchange's request holds what was understood.
    virtual Task<void> refuse(Exchange& exchange, unsigned status, std::string_view code) = 0;
};

}  // namespace switchyard::http
