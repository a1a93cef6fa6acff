#pragma once

#include "http/head.hpp"

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {

/// A response's head, or trailers, as the library wants them: pairs that it copies, with names in
/// lower case then. Nothing about the connection is among them (RFC 9113 §8.2.2). The views that it
/// is given must stay valid as long as the pairs are used. Its memory is used again.
class ResponseFields {
  public:
    [[nodiscard]] std::span<const nghttp2_nv> head(const http::OutgoingResponse& head);
    /// The head of an accepted tunnel: 200, and no length (RFC 8441 §4, RFC 9110 §9.3.6).
    [[nodiscard]] std::span<const nghttp2_nv> tunnel_head(const http::OutgoingResponse& head);
    [[nodiscard]] std::span<const nghttp2_nv> trailers(const http::Fields& fields);

  private:
    void start(unsigned status, const http::OutgoingResponse& head);
    void add(std::string_view name, std::string_view value);
    void add(const http::Fields& fields);

    std::vector<nghttp2_nv> pairs_;
    std::array<char, 3> status_{};
    std::array<char, 20> length_{};
};

}  // namespace switchyard::h2
