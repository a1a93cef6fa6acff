#pragma once

#include "http/head.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace switchyard::h1 {

/// Decodes the chunked coding (RFC 9112 §7.1) in place, strictly: hexadecimal sizes without
/// anything around them, CR LF and nothing else, extensions ignored within bounds. One pass over a
/// read makes one contiguous piece of data, however small the chunks were.
class ChunkDecoder {
  public:
    /// Bounds on what is not data: extensions beyond the octets of data that came, and the trailer
    /// section.
    static constexpr std::size_t kMaxExtensionBytes = 16 * 1024;
    static constexpr std::size_t kMaxTrailerBytes = 16 * 1024;
    static constexpr std::size_t kMaxTrailers = 64;

    enum class Status : std::uint8_t { more, done, failed };

    struct Step {
        Status status = Status::more;
        std::size_t consumed = 0;  ///< Input octets used; after `done` the rest is not this body's.
        std::size_t produced = 0;  ///< Data octets, moved to the start of the input.
    };

    void start();
    /// Decodes `size` octets at `data`, changing them.
    [[nodiscard]] Step decode(char* data, std::size_t size);
    /// Trailer fields after `done`; views into this object. Fields that must not be trailers are
    /// left out.
    [[nodiscard]] const http::Fields& trailers() const noexcept { return trailers_; }

  private:
    enum class State : std::uint8_t {
        size_first,
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        line_start,
        line,
        line_lf,
        end_lf,
        done,
        failed,
    };
    bool finish_trailers();
    bool step(char c);

    State state_ = State::size_first;
    std::uint64_t left_ = 0;
    unsigned digits_ = 0;
    std::uint64_t extension_bytes_ = 0;
    std::uint64_t data_bytes_ = 0;
    std::string trailer_text_;
    http::Fields trailers_;
};

}  // namespace switchyard::h1
