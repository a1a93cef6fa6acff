#pragma once

#include "h2/field_store.hpp"
#include "http/head.hpp"
#include "http/head_limits.hpp"

#include <string_view>

namespace switchyard::h2 {

/// Makes a response's head of the decoded fields of a header block (RFC 9113 §8.3.2): the policy of
/// what may come from an origin, as strict as that of HTTP/1.1. Movable; no allocation once its
/// memory has grown.
class ResponseReader {
  public:
    void start() noexcept {
        fields_.clear();
        status_ = 0;
        ends_stream_ = false;
        bad_ = false;
    }

    /// The next field. False: so much of it that nothing more is worth looking at.
    [[nodiscard]] bool add(std::string_view name, std::string_view value);
    /// The block is complete. `end_stream`: no body follows.
    void complete(bool end_stream) noexcept;

    /// Octets of memory that it holds.
    [[nodiscard]] std::size_t bytes() const noexcept { return fields_.bytes(); }
    /// Of a complete block; 0: not a legal one.
    [[nodiscard]] unsigned status() const noexcept { return status_; }
    [[nodiscard]] bool is_interim() const noexcept { return status_ >= 100 && status_ < 200; }

    /// Fills `head`, whose views are valid until the next start() or a move. False: malformed.
    [[nodiscard]] bool finish(http::ResponseHead& head, http::Verb request) const;

  private:
    FieldStore fields_;
    unsigned status_ = 0;
    bool ends_stream_ = false;
    bool bad_ = false;
};

/// What origins may send as a head, or as trailers.
inline constexpr http::HeadLimits kResponseLimits{64 * 1024, 256, 0};

}  // namespace switchyard::h2
