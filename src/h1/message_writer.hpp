#pragma once

#include "base/task.hpp"
#include "http/exchange.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace switchyard::h1 {

/// Writes one message to a stream: the head together with the first piece of the body in one
/// gathered write, then piece by piece, framed. Both directions of the proxy use it.
class MessageWriter {
  public:
    /// `timeout`: for each wait until the peer takes a byte. The stream must outlive the writer.
    void start(net::Stream& stream, std::chrono::milliseconds timeout) noexcept {
        stream_ = &stream;
        timeout_ = timeout;
        chunked_ = body_ = tunnel_ = false;
    }
    /// From here on pieces go out as they are and as slowly as they are taken; the last one ends
    /// our side of the connection.
    void start_tunnel() noexcept {
        timeout_ = std::chrono::milliseconds(0);
        chunked_ = false;
        body_ = tunnel_ = true;
    }

    /// The head goes out as it is; `chunked` says how the pieces are framed, `body` whether there
    /// are any (false: pieces only carry their end).
    Task<http::Fault> send_head(std::string_view head, bool body, bool chunked, http::Chunk first,
                                const http::Fields& trailers);
    Task<http::Fault> send_body(http::Chunk piece, const http::Fields& trailers);
    /// Whether a body is being sent whose pieces go out as they are, without TLS.
    [[nodiscard]] bool takes_pipe() const noexcept {
        return body_ && !chunked_ && !tunnel_ && stream_->tls() == nullptr;
    }
    /// A piece that is in a pipe; only if so. `more` as of http::Exchange.
    Task<http::Fault> send_body(Pipe& pipe, bool more);
    /// Octets as they are, outside of any message (informational responses).
    Task<http::Fault> send_raw(std::string_view octets);

    /// Octets written so far, over all messages.
    [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }
    void reset_count() noexcept { bytes_sent_ = 0; }

  private:
    std::size_t frame(http::Chunk piece, const http::Fields& trailers, std::span<iovec> pieces);
    Task<http::Fault> write(std::span<iovec> pieces);

    net::Stream* stream_ = nullptr;
    std::chrono::milliseconds timeout_{0};
    std::uint64_t bytes_sent_ = 0;
    bool body_ = false;
    bool chunked_ = false;
    bool tunnel_ = false;
    char chunk_head_[24] = {};
    std::string trailer_text_;
};

}  // namespace switchyard::h1
