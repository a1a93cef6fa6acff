#pragma once

#include "base/buffer.hpp"
#include "compress/encoder.hpp"
#include "http/exchange.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace switchyard::compress {

/// Another body, compressed while it is pulled. What the other one has at hand comes together; when
/// it has no more, everything so far is flushed, so that a pause of the origin holds nothing back.
/// Holds the encoder and the output of one pull at most. A fault of the other body is passed on,
/// and what was compressed then never comes to a proper end (C9).
class CompressedBody final : public http::Body {
  public:
    /// `inner` must outlive it.
    CompressedBody(http::Body& inner, std::unique_ptr<Encoder> encoder)
        : inner_(inner), encoder_(std::move(encoder)) {}

    /// Before the first pull: compresses what was taken of the other body already, without a flush
    /// (what comes out of it may be nothing).
    http::Chunk begin(const http::Chunk& first);

    /// Octets of the other body since the last call: what the work was.
    [[nodiscard]] std::size_t taken() noexcept { return std::exchange(taken_, 0); }
    /// Octets that came out so far.
    [[nodiscard]] std::uint64_t produced() const noexcept { return produced_; }

    // http::Body
    bool take_received(http::Chunk& chunk) override { return try_next(chunk); }
    bool try_next(http::Chunk& chunk) override;
    Task<http::Chunk> next() override;
    void interrupt() noexcept override { inner_.interrupt(); }
    /// Without digests, which were those of the other body.
    [[nodiscard]] const http::Fields& trailers() const override { return trailers_; }
    [[nodiscard]] bool finished() const override { return finished_; }
    [[nodiscard]] std::uint64_t received() const override { return inner_.received(); }

  private:
    void take(const http::Chunk& piece);
    void encode(std::string_view input, Encoder::Mode mode);
    http::Chunk hand_out();

    http::Body& inner_;
    std::unique_ptr<Encoder> encoder_;
    Buffer out_;
    http::Fields trailers_;
    http::Fault fault_ = http::Fault::none;
    std::size_t taken_ = 0;
    std::uint64_t produced_ = 0;
    bool handed_out_ = false;  ///< What `out_` holds.
    bool unflushed_ = false;
    bool finished_ = false;
    bool broken_ = false;  ///< The encoder can't go on.
};

}  // namespace switchyard::compress
