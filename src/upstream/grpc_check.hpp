#pragma once

#include "h2/requester.hpp"

#include <string>
#include <string_view>

/// The health checking protocol of gRPC (grpc.health.v1.Health/Check), as far as it is needed:
/// messages of one field each.
namespace switchyard::upstream {

/// The call that asks for a service; empty: for the server as a whole.
[[nodiscard]] h2::Requester::Request grpc_check_request(std::string_view service);

struct GrpcCheckAnswer {
    bool serving = false;
    std::string status;   ///< "SERVING", "NOT_SERVING", ...; empty: none came.
    std::string problem;  ///< Why it is not serving, in words; empty: it is.
};
[[nodiscard]] GrpcCheckAnswer read_grpc_check(const h2::Requester::Answer& answer);

}  // namespace switchyard::upstream
