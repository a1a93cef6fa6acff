#pragma once

#include "base/buffer.hpp"
#include "base/task.hpp"
#include "h1/message_body.hpp"
#include "h1/message_writer.hpp"
#include "h1/parser.hpp"
#include "http/origin_exchange.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace switchyard::h1 {

/// One upstream connection that speaks HTTP/1.1: a request at a time, never pipelined. Between two
/// requests it holds no buffers. Loop's thread.
class ClientSession final : public http::OriginExchange {
  public:
    explicit ClientSession(net::EventLoop& loop) noexcept : stream_(loop) {}

    [[nodiscard]] net::Stream& stream() noexcept { return stream_; }

    Task<http::Fault> send_head(const http::OutgoingRequest& head, http::Chunk first,
                                const http::Fields& trailers,
                                std::chrono::milliseconds timeout) override;
    Task<http::Fault> send_body(http::Chunk piece, const http::Fields& trailers) override;

    /// A 101 makes this connection a tunnel: body() gives what the origin sends, send_body() sends
    /// octets as they are, both without a time limit, and the last piece ends one side.
    Task<http::Fault> read_head(http::ResponseHead& head, http::Verb request,
                                std::string_view upgrade, std::chrono::milliseconds timeout,
                                std::chrono::milliseconds body_timeout) override;
    [[nodiscard]] MessageBody& body() noexcept override { return body_; }

    [[nodiscard]] bool received_anything() const noexcept override { return received_anything_; }
    /// Not an octet of it was taken by the socket. (Over TLS, some that were not count as taken
    /// when it took only a part of several records.)
    [[nodiscard]] bool unprocessed() const noexcept override {
        return writer_.bytes_sent() == sent_before_;
    }
    void cancel() noexcept override { stream_.cancel(); }
    /// Octets sent since the connection was made.
    [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return writer_.bytes_sent(); }

    /// After a complete response: gives buffers back. False: the connection must not be used again
    /// (closed, or the origin sent more than its response).
    [[nodiscard]] bool make_idle(const http::ResponseHead& head) noexcept;
    /// An idle connection is still open and silent, as far as can be known without writing.
    [[nodiscard]] bool looks_alive() noexcept;
    /// The same, asking the kernel: for requests that must not be sent twice, when an end that has
    /// arrived may not have been reported yet.
    [[nodiscard]] bool is_alive() noexcept;

  private:
    net::Stream stream_;
    ResponseParser parser_;
    MessageBody body_;
    MessageWriter writer_;
    Buffer input_;
    std::string output_;
    std::uint64_t sent_before_ = 0;  ///< Octets on this connection before the present request.
    bool received_anything_ = false;
};

}  // namespace switchyard::h1
