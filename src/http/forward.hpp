#pragma once

#include "http/exchange.hpp"
#include "http/head.hpp"

#include <span>
#include <string>
#include <string_view>

/// What of a head goes on to the other side: hop-by-hop fields end here (RFC 9110 §7.6.1), and the
/// fields that say who asked are set by us. Synchronous; no allocation once the strings of the
/// scratch have grown.
namespace switchyard::http {

/// Memory for values that are put together; one per request under way.
struct ForwardScratch {
    std::string forwarded_for;
    std::string forwarded;
    std::string host_lower;
};

struct ForwardRequest {
    const Peer* peer = nullptr;
    std::string_view request_id;
    std::string_view host;  ///< For the Host field.
    std::string_view via;   ///< Pseudonym; empty: no Via field.
};

/// Fills `out` with the fields of `in` that may pass and those that we add: Host, X-Forwarded-For,
/// -Proto, -Host, Forwarded (RFC 7239), Via, X-Request-Id. What the client sent of them counts only
/// when the peer is trusted. Framing fields are the codec's.
void forward_request(const RequestHead& in, const ForwardRequest& context, ForwardScratch& scratch,
                     Fields& out);

/// What of an upgrade may be passed on to an application.
enum class UpgradePolicy : unsigned char { off, listed, any };

/// The first protocol of `wanted` (RequestHead::upgrade) that the policy lets pass; `listed` are
/// names in lower case, with or without a version ("foo" allows "foo/1.0" too). Another HTTP, or
/// HTTP under TLS (h2c, HTTP/2.0, TLS/1.2), never passes: what went through such a tunnel would
/// follow none of our rules. Empty: the request is an ordinary one.
[[nodiscard]] std::string_view choose_upgrade(std::string_view wanted, UpgradePolicy policy,
                                              std::span<const std::string> listed) noexcept;

/// Fills `out` with the fields of `in` that may pass. `served_by` is the name of the field that the
/// proxy sets itself, so the origin's is dropped; so are X-Switchyard-Error and X-Request-Id.
void forward_response(const ResponseHead& in, std::string_view served_by, Fields& out);

/// Whether the proxy sets this field itself (or uses it to mark its own answers), in any case and
/// with '_' for '-', as applications mix them up.
[[nodiscard]] bool is_own_field(std::string_view name) noexcept;

/// The client's X-Request-Id when it may be kept: the peer is trusted, and it is short, printable
/// and harmless in JSON and HTML. Empty otherwise.
[[nodiscard]] std::string_view trusted_request_id(const RequestHead& in, const Peer& peer);

/// Host without port, in lower case, without a dot at the end; into `out`.
void normalize_host(std::string_view host, std::string& out);

}  // namespace switchyard::http
