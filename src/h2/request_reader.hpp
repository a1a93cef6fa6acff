#pragma once

#include "h2/field_store.hpp"
#include "http/head.hpp"
#include "http/head_limits.hpp"
#include "http/validate.hpp"

#include <string>
#include <string_view>

namespace switchyard::h2 {

/// Makes a request's head of the decoded fields of a header block (RFC 9113 §8.3): the policy of
/// what may become a request in HTTP/1.1. Stands on its own feet: what the library below has
/// checked already is checked again where it would be dangerous. Synchronous; no allocation once
/// its memory has grown.
class RequestReader {
  public:
    void start(const http::HeadLimits& limits) noexcept;

    /// The next field. False: so far over the limits that no answer is due any more.
    [[nodiscard]] bool add(std::string_view name, std::string_view value);

    /// The block is complete. Fills `head`, also when it is refused, with what was understood; its
    /// views are valid until the next start(). `end_stream`: no body follows. An extended CONNECT
    /// (RFC 8441) becomes what it stands for, a GET with an `upgrade`.
    [[nodiscard]] http::Verdict finish(http::RequestHead& head, bool end_stream);

    /// Octets of memory that it holds.
    [[nodiscard]] std::size_t bytes() const noexcept {
        return fields_.bytes() + cookies_.capacity();
    }

  private:
    [[nodiscard]] http::Verdict read_fields(http::RequestHead& head);
    [[nodiscard]] http::Verdict read_authority(http::RequestHead& head, std::string_view authority,
                                               bool has_authority) const;

    http::HeadLimits limits_;
    FieldStore fields_;
    std::string cookies_;
    std::string_view protocol_;  ///< `:protocol`; empty: none.
    bool too_large_ = false;
    bool too_many_ = false;
};

/// Decoded trailer fields: those that may pass (RFC 9110 §6.5.1), as views into `from`.
void read_trailers(const FieldStore& from, http::Fields& out);

}  // namespace switchyard::h2
