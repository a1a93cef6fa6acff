// What the proxy answers itself to calls of gRPC: no page, but a status that its clients
// understand.
#include "relay/grpc.hpp"

#include "h1/serialize.hpp"
#include "http/validate.hpp"
#include "relay/relay.hpp"

namespace switchyard::relay {

bool is_grpc(const http::RequestHead& request) noexcept {
    constexpr std::string_view kType = "application/grpc";
    const std::string_view type = request.value(http::FieldId::content_type);
    if (type.size() < kType.size() || !http::iequals(type.substr(0, kType.size()), kType)) {
        return false;
    }
    return type.size() == kType.size() || type[kType.size()] == '+' || type[kType.size()] == ';';
}

std::string_view grpc_status(unsigned status) noexcept {
    switch (status) {
        case 400:
            return "13";  // INTERNAL
        case 401:
            return "16";  // UNAUTHENTICATED
        case 403:
            return "7";  // PERMISSION_DENIED
        case 404:
        case 501:
            return "12";  // UNIMPLEMENTED
        case 413:
        case 431:
            return "8";  // RESOURCE_EXHAUSTED
        case 429:
        case 502:
        case 503:
        case 504:
            return "14";  // UNAVAILABLE
        default:
            return "2";  // UNKNOWN
    }
}

std::string_view grpc_status_of_reset(std::uint32_t code) noexcept {
    constexpr std::uint32_t kRefusedStream = 0x07, kCancel = 0x08, kEnhanceYourCalm = 0x0b,
                            kInadequateSecurity = 0x0c;
    switch (code) {
        case kRefusedStream:
            return "14";  // UNAVAILABLE
        case kCancel:
            return "1";  // CANCELLED
        case kEnhanceYourCalm:
            return "8";  // RESOURCE_EXHAUSTED
        case kInadequateSecurity:
            return "7";  // PERMISSION_DENIED
        default:
            return "13";  // INTERNAL
    }
}

void append_grpc_message(std::string& out, std::string_view text) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet >= 0x20 && octet <= 0x7e && c != '%') {
            out += c;
        } else {
            out += '%';
            out += kDigits[octet >> 4U];
            out += kDigits[octet & 15U];
        }
    }
}

/// A response that is nothing but trailers: they stand in its head, which ends the stream.
/// flight.reply.fields may hold fields already, flight.error is the reason.
Task<void> Relay::send_grpc_error(Flight& flight, unsigned status) {
    http::Exchange& exchange = *flight.exchange;
    http::OutgoingResponse& reply = flight.reply;
    flight.lines = h1::reason_phrase(status);
    flight.lines += " (";
    flight.lines += flight.error;
    flight.lines += ')';
    flight.page.clear();
    append_grpc_message(flight.page, flight.lines);
    const std::string_view code =
        flight.reset_code ? grpc_status_of_reset(*flight.reset_code) : grpc_status(status);
    reply.status = 200;
    reply.reason = h1::reason_phrase(200);
    reply.fields.push_back({http::FieldId::content_type, "Content-Type", "application/grpc"});
    reply.fields.push_back({http::FieldId::unknown, "Grpc-Status", code});
    reply.fields.push_back({http::FieldId::unknown, "Grpc-Message", flight.page});
    reply.fields.push_back({http::FieldId::unknown, "X-Request-Id", flight.request_id});
    reply.raw_lines = flight.options->via_line;
    reply.framing = http::Framing::none;
    reply.content_length = 0;
    reply.send_content_length = exchange.request().version != 20;
    flight.status = reply.status;
    http::Chunk whole;
    whole.last = true;
    static const http::Fields kNone;
    const http::Fault fault = co_await exchange.send_head(reply, whole, kNone);
    if (fault != http::Fault::none) exchange.abort();
}

}  // namespace switchyard::relay
