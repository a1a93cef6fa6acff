#pragma once

#include "http/head.hpp"

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {

/// A request's head, or trailers, as the library wants them: pairs that it copies, with names in
/// lower case then. The Host field becomes `:authority` (RFC 9113 §8.3.1), and nothing about the
/// connection is among them (§8.2.2) but `te: trailers`. The views that it is given must stay valid
/// as long as the pairs are used. Its memory is used again.
class RequestFields {
  public:
    [[nodiscard]] std::span<const nghttp2_nv> head(const http::OutgoingRequest& head,
                                                   std::string_view scheme);
    [[nodiscard]] std::span<const nghttp2_nv> trailers(const http::Fields& fields);

  private:
    void add(std::string_view name, std::string_view value);

    std::vector<nghttp2_nv> pairs_;
    std::array<char, 20> length_{};
};

}  // namespace switchyard::h2
