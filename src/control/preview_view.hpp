#pragma once

#include "control/ports.hpp"
#include "control/refusal.hpp"
#include "control/times.hpp"
#include "route/snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/object.hpp>

/// How the idle slot of a service is reached, for a person: link, header, cookie, a curl line.
namespace switchyard::control {

/// What is asked for: "POST /v1/services/{name}/preview".
struct PreviewRequest {
    std::chrono::milliseconds valid_for{0};  ///< 0: not said.
};

/// How long a pass is valid when nobody says it, or the longest allowed, if that is less.
inline constexpr std::chrono::hours kPreviewFor{2};

[[nodiscard]] std::variant<PreviewRequest, Refusal> parse_preview(std::string_view body);

/// A pass, ready to be used. Without secrets there is one for everybody.
struct PreviewPass {
    std::string text;
    std::string id;            ///< "open" without secrets.
    std::int64_t expires = 0;  ///< Unix seconds; 0: never.
};

/// Makes a pass for this service. A refusal: it has no preview, or not for so long. Throws
/// std::runtime_error if OpenSSL can't compute digests.
[[nodiscard]] std::variant<PreviewPass, Refusal> issue_pass(const route::ServiceState& state,
                                                            const PreviewRequest& request,
                                                            Wall::time_point now);

/// "https://scores.example:8443", where requests to the service, or to its preview's own host, come
/// in; empty: its hosts are patterns only, and no address of a listener belongs to them.
[[nodiscard]] std::string preview_base(const route::ServiceState& state,
                                       const std::vector<ProcessFacts::ListenerFact>& listeners);

/// The ways in: "link", "header", "cookie", "host", "curl"; null for those there are none of.
[[nodiscard]] boost::json::object preview_ways_json(const config::Service& service,
                                                    const PreviewPass& pass,
                                                    const std::string& base);

}  // namespace switchyard::control
