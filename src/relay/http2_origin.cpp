#include "relay/http2_origin.hpp"

#include "http/validate.hpp"

namespace switchyard::relay {

namespace {

/// Whoever asks takes trailers (RFC 9110 §10.1.4): it says so itself, since we pass them on.
bool takes_trailers(const http::RequestHead& request) noexcept {
    bool takes = false;
    for (const http::Field& field : request.fields) {
        if (field.id != http::FieldId::te) continue;
        http::for_each_token(field.value, [&takes](std::string_view token) {
            if (http::iequals(token, "trailers")) takes = true;
        });
    }
    return takes;
}

}  // namespace

bool adapt_to_http2(Flight& flight) {
    http::OutgoingRequest& out = flight.outgoing;
    if (http::iequals(flight.upgrade, "websocket")) return false;
    // Any other protocol is an offer that may be left alone (RFC 9110 §7.8).
    flight.upgrade = out.upgrade = {};
    if (takes_trailers(flight.exchange->request())) {
        out.fields.push_back({http::FieldId::te, "te", "trailers"});
    }
    return true;
}

bool ends_without_length(const Flight& flight) noexcept {
    const http::ResponseHead& response = flight.response;
    const http::RequestHead& request = flight.exchange->request();
    return response.version == 20 && response.framing == http::Framing::none &&
           !response.has_content_length && request.version != 20 &&
           request.verb != http::Verb::head && response.status != 204 && response.status != 304;
}

}  // namespace switchyard::relay
