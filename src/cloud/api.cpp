#include "cloud/api.hpp"

#include <stdexcept>

namespace switchyard::cloud {

std::string_view to_string(Failure::Kind kind) {
    switch (kind) {
        case Failure::Kind::token:
            return "no_token";
        case Failure::Kind::unauthorized:
            return "unauthorized";
        case Failure::Kind::forbidden:
            return "forbidden";
        case Failure::Kind::not_found:
            return "not_found";
        case Failure::Kind::pending:
            return "pending";
        case Failure::Kind::rejected:
            return "rejected";
        case Failure::Kind::rate_limited:
            return "rate_limited";
        case Failure::Kind::server:
            return "server_error";
        case Failure::Kind::malformed:
            return "malformed";
        case Failure::Kind::network:
            return "network";
    }
    return "unknown";
}

void throw_exception_from_error(const Failure& failure, const boost::source_location&) {
    throw std::runtime_error(failure.message);
}

}  // namespace switchyard::cloud
