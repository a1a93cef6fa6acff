#pragma once

#include <cstdint>
#include <optional>
#include <ostream>  // verb.hpp uses it without including it
#include <string_view>
#include <vector>

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>

namespace switchyard::http {

using FieldId = boost::beast::http::field;
using Verb = boost::beast::http::verb;

/// One header field as views into somebody else's buffer. Names keep the case they came in.
struct Field {
    FieldId id = FieldId::unknown;
    std::string_view name;
    std::string_view value;  ///< Without white space around it.
};

using Fields = std::vector<Field>;

/// How a message's body is delimited (RFC 9112 §6).
enum class Framing : std::uint8_t {
    none,    ///< No body.
    length,  ///< Content-Length.
    chunked,
    close,   ///< Until the connection ends; responses only.
    tunnel,  ///< Octets as they are, until their sender ends its side; after an upgrade.
};

/// A request's head as it was received, and what follows from it (filled in by validate_request).
/// Views are valid as long as the buffer that was parsed.
struct RequestHead {
    Verb verb = Verb::unknown;
    std::string_view method;
    std::string_view target;  ///< As received.
    unsigned version = 11;    ///< 10, 11 or 20.
    Fields fields;

    std::string_view host;  ///< Host as received, or the authority of an absolute-form target.
    std::string_view origin_target;  ///< Origin-form ("/path?query") or "*".
    std::string_view path;           ///< Of origin_target, without the query.
    Framing framing = Framing::none;
    std::uint64_t content_length = 0;
    bool has_content_length = false;  ///< Also of a body of zero octets.
    bool keep_alive = true;           ///< What the client wants.
    bool expect_continue = false;
    bool idempotent = false;  ///< RFC 9110 §9.2.2.
    /// Protocols that the client would rather go on with than HTTP, best first, as a list (RFC 9110
    /// §7.8); with HTTP/2 what `:protocol` says. Empty: none, or none that may be asked for here.
    std::string_view upgrade;

    void clear() {
        fields.clear();
        verb = Verb::unknown;
        method = target = host = origin_target = path = upgrade = {};
        version = 11;
        framing = Framing::none;
        content_length = 0;
        keep_alive = true;
        has_content_length = expect_continue = idempotent = false;
    }

    /// Value of the first field with this id; empty when there is none.
    [[nodiscard]] std::string_view value(FieldId id) const noexcept {
        for (const Field& field : fields) {
            if (field.id == id) return field.value;
        }
        return {};
    }
};

/// A response's head as it was received, and what follows from it (validate_response).
struct ResponseHead {
    unsigned version = 11;
    unsigned status = 0;
    std::string_view reason;
    Fields fields;

    Framing framing = Framing::none;
    std::uint64_t content_length = 0;  ///< Also of a HEAD or 304 that states it.
    bool has_content_length = false;
    bool keep_alive = true;  ///< Whether the connection can be used again.

    void clear() {
        fields.clear();
        version = 11;
        status = 0;
        reason = {};
        framing = Framing::none;
        content_length = 0;
        has_content_length = false;
        keep_alive = true;
    }
};

/// A head on its way out. Views must stay valid until it was sent.
struct OutgoingRequest {
    std::string_view method;
    std::string_view target;
    Fields fields;  ///< Without framing and connection fields: the codec adds them.
    Framing framing = Framing::none;
    std::uint64_t content_length = 0;
    bool send_content_length = false;  ///< With Framing::none: say that it is 0.
    std::string_view upgrade;          ///< The one protocol to ask for; empty: none.
};

struct OutgoingResponse {
    unsigned status = 200;
    std::string_view reason;
    Fields fields;               ///< Without framing and connection fields.
    std::string_view raw_lines;  ///< Complete lines, "Name: value\r\n", to be added as they are.
    Framing framing = Framing::none;
    std::uint64_t content_length = 0;
    bool send_content_length = false;  ///< With Framing::none (HEAD, 304): state it all the same.
};

}  // namespace switchyard::http
