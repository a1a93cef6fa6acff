#pragma once

#include "control/line_queue.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

/// Requests and answers of the small HTTP server that the admin API and the metrics share.
namespace switchyard::control {

struct HttpRequest {
    std::string method;
    std::string target;  ///< Origin form, with its query.
    std::string body;
    std::optional<std::uint32_t> uid;  ///< Of the peer; a unix socket only.
};

struct HttpReply {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> fields;  ///< Further ones.
    std::unique_ptr<LineSource> stream;  ///< Instead of `body`: sent line by line, then the end.
};

/// Answers requests. Called on the server's thread, one call at a time for each connection. An
/// exception that leaves handle() becomes failure(500).
class HttpHandler {
  public:
    virtual ~HttpHandler() = default;
    virtual boost::asio::awaitable<HttpReply> handle(HttpRequest request) = 0;
    /// The answer to what could not be read: 400, 413 or 431; or 500.
    [[nodiscard]] virtual HttpReply failure(unsigned status) const = 0;
};

}  // namespace switchyard::control
