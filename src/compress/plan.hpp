#pragma once

#include "config/config.hpp"
#include "http/head.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Which responses are compressed, and what their heads say. Pure functions.
namespace switchyard::compress {

/// Strings of a head that is changed; of one request under way.
struct HeadScratch {
    std::string etag;
    std::string vary;
};

struct Plan {
    /// Other clients may get it in another coding: Vary has to say so.
    bool varies = false;
    std::optional<config::Compression::Algorithm> coding;
};

/// What becomes of a response. It stays as it is where it has a coding already, is a part
/// (206), says no-transform, carries a digest or a signature of its octets, has no body or a short
/// one, or is of no type that is listed; and where the request says no-transform or asks for a
/// range.
[[nodiscard]] Plan make_plan(const config::Compression& options, const http::RequestHead& request,
                             const http::ResponseHead& response) noexcept;

/// Of a response that may be compressed for others or for this client: adds Accept-Encoding to
/// Vary.
void say_that_it_varies(http::Fields& fields, HeadScratch& scratch);

/// Of one that is compressed: Content-Encoding; an ETag becomes a weak one, for it is that of other
/// octets (RFC 9110 §8.8.3.3); no ranges. Content-Length is the codec's.
void say_that_it_is_compressed(http::Fields& fields, config::Compression::Algorithm coding,
                               HeadScratch& scratch);

/// A 304 to a client that asked with the weak form of the ETag, which then came from us: it is told
/// the same ETag again, and Vary (RFC 9110 §15.4.5).
void adapt_not_modified(const http::RequestHead& request, http::Fields& fields,
                        HeadScratch& scratch);

/// Whether a field says something of the body's octets that compression makes untrue.
[[nodiscard]] bool is_digest(std::string_view name) noexcept;

}  // namespace switchyard::compress
