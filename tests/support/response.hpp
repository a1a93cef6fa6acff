#pragma once

#include "support/client.hpp"

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard::test {

/// The proxy sent something that is not HTTP as it should be.
struct ProtocolError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Response {
    int minor_version = 1;
    int status = 0;
    std::string reason;
    Fields fields;
    std::string body;
    Fields trailers;
    bool chunked = false;
    bool close_delimited = false;
    std::vector<Response> interim;  ///< 1xx answers that came before.

    /// The only field of this name (any case); none if absent. Throws ProtocolError if it is there
    /// more than once: use all() where that is meant.
    [[nodiscard]] std::optional<std::string> field(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
    /// What Connection and the version say about the connection afterwards.
    [[nodiscard]] bool keep_alive() const;
};

/// Reads one response head, strictly (RFC 9112): ProtocolError for every deviation, ClientError
/// when the connection ends or the deadline passes. Interim answers are read one by one.
Response read_head(Client& client, Deadline deadline = {});

/// Reads the body that belongs to `response` (as an answer to `method`) piece by piece. An end of
/// the connection before the body is complete is a ClientError; trailers go into `response`.
void read_body(Client& client, Response& response, std::string_view method,
               const std::function<void(std::string_view)>& sink, Deadline deadline = {});

/// Head, interim answers, body: the next final response on the connection.
Response read_response(Client& client, std::string_view method = "GET", Deadline deadline = {});

/// One request head as text: "METHOD TARGET HTTP/1.1", Host, then the fields.
std::string request_text(std::string_view method, std::string_view target,
                         const Fields& fields = {}, std::string_view host = "localhost");

/// One request on an open connection, with a Content-Length if there is a body.
Response exchange(Client& client, std::string_view method, std::string_view target,
                  const Fields& fields = {}, std::string_view body = {}, Deadline deadline = {});

/// One GET on a connection of its own.
Response get(const std::string& address, std::string_view target, const Fields& fields = {},
             Deadline deadline = {});

/// One chunk of a chunked body; an empty one is the end.
std::string chunk(std::string_view data);

}  // namespace switchyard::test
