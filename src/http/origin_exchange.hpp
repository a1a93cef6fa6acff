#pragma once

#include "http/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace switchyard::http {

/// The other side of an Exchange: one request to an origin and its response, whatever the protocol
/// below. Loop's thread. Two coroutines may use it at once: one sends, one reads.
class OriginExchange {
  public:
    virtual ~OriginExchange() = default;

    /// Sends the head with the first piece of the body, and `trailers` if that is the last.
    /// `timeout`: for each wait until the origin takes something.
    virtual Task<Fault> send_head(const OutgoingRequest& head, Chunk first, const Fields& trailers,
                                  std::chrono::milliseconds timeout) = 0;
    virtual Task<Fault> send_body(Chunk piece, const Fields& trailers) = 0;

    /// Reads the next response head, interim ones too; with a final one body() is ready. What the
    /// head points to is valid until the next call, and `head` must stay where it is until the body
    /// ended. `malformed` covers what validate_response refuses. `upgrade`: the protocol that was
    /// asked for. Zero `timeout`: no limit; `body_timeout` is for each wait for a piece of the
    /// body.
    virtual Task<Fault> read_head(ResponseHead& head, Verb request, std::string_view upgrade,
                                  std::chrono::milliseconds timeout,
                                  std::chrono::milliseconds body_timeout) = 0;
    [[nodiscard]] virtual Body& body() noexcept = 0;

    /// Whether anything of a response was received since the last request.
    [[nodiscard]] virtual bool received_anything() const noexcept = 0;
    /// The present request was certainly not processed: nothing of it can have reached the origin,
    /// or the origin itself said so. It may be sent again, whatever its method (C10).
    [[nodiscard]] virtual bool unprocessed() const noexcept = 0;

    /// The code of HTTP/2 (RFC 9113 §7) with which the origin itself has ended the present request;
    /// none: it did not, or has no such codes.
    [[nodiscard]] virtual std::optional<std::uint32_t> reset_code() const noexcept { return {}; }

    /// Ends present and future waits with Fault::cancelled.
    virtual void cancel() noexcept = 0;
};

}  // namespace switchyard::http
