#pragma once

#include "config/parsed.hpp"

#include <string>
#include <string_view>

/// Rules for the words of a configuration that end up in requests, responses and URLs. Refusals
/// complete a sentence that starts with the key, as in values.hpp.
namespace switchyard::config {

/// A name in letters, digits, '-' and '_' with dots between, 253 characters at most; lower-cased.
[[nodiscard]] Parsed<std::string> parse_host_name(std::string_view text);

/// What a service's `hosts` takes: a host name, an IP address (IPv6 in brackets), "*.domain" or
/// "*". Lower-cased.
[[nodiscard]] Parsed<std::string> parse_service_host(std::string_view text);

/// A Host field's value: a host name or address, with or without a port. Lower-cased.
[[nodiscard]] Parsed<std::string> parse_host_field(std::string_view text);

/// The path prefix of a service: absolute, without query, empty or dot segments. A '/' at the end
/// is taken off, since prefixes match at segment boundaries.
[[nodiscard]] Parsed<std::string> parse_path_prefix(std::string_view text);

/// The path of one resource: absolute, without query.
[[nodiscard]] Parsed<std::string> parse_path(std::string_view text);

/// Path and query of a request.
[[nodiscard]] Parsed<std::string> parse_request_target(std::string_view text);

/// A field name (RFC 9110 §5.1) that the proxy may add to responses; not one that frames them.
[[nodiscard]] Parsed<std::string> parse_header_name(std::string_view text);

/// A request field of our own (for the preview): as above, and none that others read.
[[nodiscard]] Parsed<std::string> parse_request_field_name(std::string_view text);

/// A cookie's name (RFC 6265 §4.1.1), without the prefixes that browsers take over TLS only.
[[nodiscard]] Parsed<std::string> parse_cookie_name(std::string_view text);

/// The name of a systemd credential (a file name).
[[nodiscard]] Parsed<std::string> parse_credential_name(std::string_view text);

/// The pseudonym in Via (RFC 9110 §7.6.3): a token.
[[nodiscard]] Parsed<std::string> parse_pseudonym(std::string_view text);

/// A media type without parameters (RFC 9110 §8.3.1), "application/json", or all of a kind,
/// "text/*". Lower-cased.
[[nodiscard]] Parsed<std::string> parse_media_range(std::string_view text);

/// What an Upgrade field may name (RFC 9110 §7.8): a token, and perhaps '/' and a version; not
/// another HTTP, which can't be passed on unseen. Lower-cased.
[[nodiscard]] Parsed<std::string> parse_protocol(std::string_view text);

/// A slot's name, which is sent as a field value: printable ASCII, no space at either end.
[[nodiscard]] Parsed<std::string> parse_slot_name(std::string_view text);

/// A service's name, which is part of the admin API's URLs.
[[nodiscard]] Parsed<std::string> parse_service_name(std::string_view text);

/// An OpenSSL cipher list: printable ASCII. Whether OpenSSL knows the names is for it to say.
[[nodiscard]] Parsed<std::string> parse_cipher_list(std::string_view text);

}  // namespace switchyard::config
