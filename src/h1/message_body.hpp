#pragma once

#include "base/buffer.hpp"
#include "h1/chunk_decoder.hpp"
#include "http/exchange.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

namespace switchyard::h1 {

/// The body of an HTTP/1 message as it comes from a stream: what is left in `first` (read together
/// with the head), then further reads into `further`. Both buffers belong to the caller; they may
/// be the same one when the head is no longer needed once the body is pulled.
class MessageBody final : public http::Body {
  public:
    /// Zero `limit`: unlimited. `timeout` is for each wait for a byte.
    void start(net::Stream& stream, Buffer& first, Buffer& further, http::Framing framing,
               std::uint64_t content_length, std::uint64_t limit,
               std::chrono::milliseconds timeout);

    bool take_received(http::Chunk& chunk) override;
    bool try_next(http::Chunk& chunk) override;
    Task<http::Chunk> next() override;
    [[nodiscard]] std::uint64_t pipeable() const noexcept override;
    Task<http::PipedChunk> next_into(Pipe& pipe) override;
    void interrupt() noexcept override;
    [[nodiscard]] const http::Fields& trailers() const override { return decoder_.trailers(); }
    [[nodiscard]] bool finished() const override { return finished_; }
    [[nodiscard]] std::uint64_t received() const override { return received_; }

    /// Octets that are still to come; the largest number when nobody knows.
    [[nodiscard]] std::uint64_t rest() const noexcept {
        if (finished_) return 0;
        return framing_ == http::Framing::length ? left_
                                                 : std::numeric_limits<std::uint64_t>::max();
    }

    /// A tighter or wider limit, before the first pull.
    void set_limit(std::uint64_t limit) noexcept { limit_ = limit; }

  private:
    bool take(Buffer& buffer, http::Chunk& chunk);
    net::IoStatus fill();

    net::Stream* stream_ = nullptr;
    Buffer* first_ = nullptr;
    Buffer* further_ = nullptr;
    http::Framing framing_ = http::Framing::none;
    bool finished_ = true;
    bool waiting_ = false;
    bool interrupted_ = false;
    std::uint64_t left_ = 0;
    std::uint64_t limit_ = 0;
    std::uint64_t received_ = 0;
    std::chrono::milliseconds timeout_{0};
    ChunkDecoder decoder_;
};

}  // namespace switchyard::h1
