#pragma once

#include "support/chunked.hpp"
#include "support/response.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

namespace switchyard::test {

/// One answer of the admin API (docs/admin-api.md): one object, or the lines of a stream.
struct AdminAnswer {
    int status = 0;
    Response response;
    std::vector<boost::json::value> lines;

    /// The only object.
    [[nodiscard]] const boost::json::value& json() const;
    /// The line with this "event"; throws std::out_of_range if it did not come.
    [[nodiscard]] const boost::json::value& event(std::string_view name) const;
    /// error.code of a refusal; empty otherwise.
    [[nodiscard]] std::string error_code() const;
};

/// A stream of the admin API, read line by line while it lasts.
class AdminStream {
  public:
    AdminStream(const std::string& socket, std::string_view method, std::string_view path,
                std::string_view body = {}, Deadline deadline = {});

    [[nodiscard]] const Response& head() const noexcept { return head_; }

    /// The next line; none when the stream ended in order.
    std::optional<boost::json::value> next(Deadline deadline = {});
    /// Reads on to the line with this "event"; throws ProtocolError if the stream ends before.
    boost::json::value next_event(std::string_view name, Deadline deadline = {});

  private:
    Client client_;
    Response head_;
    ChunkedDecoder decoder_;
    std::string unread_;
};

class AdminClient {
  public:
    explicit AdminClient(std::string socket) : socket_(std::move(socket)) {}

    [[nodiscard]] AdminAnswer get(std::string_view path, Deadline deadline = {}) const;
    /// Waits for the end of a stream, for example until a drain is over.
    [[nodiscard]] AdminAnswer post(std::string_view path, std::string_view body = {},
                                   Deadline deadline = {}) const;
    /// "POST /v1/services/{service}/switch" with "wait": false; `more` is added to the body
    /// (R"("force":true)"). Returns when the switch is acknowledged.
    [[nodiscard]] AdminAnswer switch_to(std::string_view service, std::string_view colour,
                                        std::string_view more = {}) const;

    /// The object of one service in /v1/status.
    [[nodiscard]] boost::json::value service(std::string_view name) const;
    /// The same as soon as nothing of it is in flight: a client may have read its answer before
    /// the books say so. What it was when the deadline passed, otherwise.
    [[nodiscard]] boost::json::value service_at_rest(std::string_view name,
                                                     Deadline deadline = {}) const;

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }

  private:
    std::string socket_;
};

}  // namespace switchyard::test
