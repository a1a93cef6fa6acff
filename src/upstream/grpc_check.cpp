#include "upstream/grpc_check.hpp"

#include <cstdint>
#include <optional>

namespace switchyard::upstream {

namespace {

constexpr std::size_t kPrefix = 5;  ///< Of each message: compressed or not, and its length.

/// A base-128 number (protobuf's varint) off the front; nothing: there is none.
std::optional<std::uint64_t> take_number(std::string_view& from) noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
        const auto octet = static_cast<unsigned char>(from.front());
        from.remove_prefix(1);
        value |= static_cast<std::uint64_t>(octet & 0x7fU) << shift;
        if ((octet & 0x80U) == 0) return value;
    }
    return std::nullopt;
}

/// Field 1 of a HealthCheckResponse; fields that are not known are passed over.
std::optional<std::uint64_t> serving_status(std::string_view message) noexcept {
    std::uint64_t status = 0;  // What is left out is zero.
    while (!message.empty()) {
        const auto key = take_number(message);
        if (!key) return std::nullopt;
        const std::uint64_t type = *key & 7U;
        if (type == 0) {
            const auto value = take_number(message);
            if (!value) return std::nullopt;
            if (*key >> 3U == 1) status = *value;
        } else if (type == 2) {
            const auto size = take_number(message);
            if (!size || *size > message.size()) return std::nullopt;
            message.remove_prefix(*size);
        } else {
            return std::nullopt;
        }
    }
    return status;
}

std::string name_of(std::uint64_t status) {
    switch (status) {
        case 0:
            return "UNKNOWN";
        case 1:
            return "SERVING";
        case 2:
            return "NOT_SERVING";
        case 3:
            return "SERVICE_UNKNOWN";
        default:
            return std::to_string(status);
    }
}

std::string printable(std::string_view text) {
    std::string out(text.substr(0, 200));
    for (char& c : out) {
        if (c < 0x20 || c > 0x7e) c = '?';
    }
    return out;
}

}  // namespace

h2::Requester::Request grpc_check_request(std::string_view service) {
    std::string message;
    if (!service.empty()) {
        message += '\x0a';  // Field 1, with a length, which read_service.cpp keeps below 2^14.
        std::size_t size = service.size();
        if (size >= 0x80) message += static_cast<char>(0x80U | (size & 0x7fU));
        message += static_cast<char>(size >= 0x80 ? size >> 7U : size);
        message += service;
    }
    h2::Requester::Request request;
    request.method = "POST";
    request.path = "/grpc.health.v1.Health/Check";
    request.fields = {{"content-type", "application/grpc"}, {"te", "trailers"}};
    request.body.assign(kPrefix, '\0');
    request.body[3] = static_cast<char>(message.size() >> 8U);
    request.body[4] = static_cast<char>(message.size() & 0xffU);
    request.body += message;
    return request;
}

GrpcCheckAnswer read_grpc_check(const h2::Requester::Answer& answer) {
    GrpcCheckAnswer out;
    const std::string_view code = answer.value("grpc-status");
    if (answer.status != 200) {
        out.problem = "no answer of gRPC: HTTP status " + std::to_string(answer.status);
    } else if (code.empty()) {
        out.problem = "no answer of gRPC: there is no grpc-status";
    } else if (code == "12") {
        out.problem = "the target has no health service (grpc.health.v1.Health)";
    } else if (code == "5") {
        out.status = "SERVICE_UNKNOWN";
        out.problem = "the target's health service does not know the service";
    } else if (code != "0") {
        out.problem = "gRPC status " + printable(code);
        const std::string_view message = answer.value("grpc-message");
        if (!message.empty()) out.problem += ": " + printable(message);
    } else {
        const std::string_view body = answer.body;
        std::optional<std::uint64_t> status;
        if (body.size() >= kPrefix && body[0] == 0) status = serving_status(body.substr(kPrefix));
        if (!status) {
            out.problem = "the answer of the health service can't be read";
        } else {
            out.status = name_of(*status);
            out.serving = *status == 1;
            if (!out.serving) out.problem = "the health service says " + out.status;
        }
    }
    return out;
}

}  // namespace switchyard::upstream
