#pragma once

#include "support/client.hpp"
#include "support/h2_client.hpp"
#include "support/response.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard::test {

/// A client that says the same over either protocol: one request after the other, on one connection
/// as long as it can. What it asks over HTTP/2 is a stream of its own each time. Every call has a
/// deadline; failures are ClientError.
class Visitor {
  public:
    enum class End {
        complete,
        closed,  ///< Too early, in order (HTTP/1.1).
        broken,  ///< Visibly: a reset of the connection or the stream.
    };

    /// The connection is open, and nothing was said on it.
    Visitor(Client connection, bool http2);

    /// A whole request.
    void ask(std::string_view method, std::string_view target, const Fields& fields = {},
             std::string_view body = {});
    /// A request whose body comes by send(); without a length in chunks, or as HTTP/2 has it.
    void begin(std::string_view method, std::string_view target, std::optional<std::size_t> length);
    /// A part of its body, as far as the other side takes it while there is no answer.
    void send(std::string_view octets, bool last = false);
    /// The same for as long as this may take; returns how much that was.
    std::size_t send_some(std::string_view octets, Deadline deadline);

    /// The head of the answer to the last request.
    Response head(Deadline deadline = {});
    /// The body behind head(), piece by piece, and how it ended.
    End body(Response& head, const std::function<void(std::string_view)>& sink,
             Deadline deadline = {});
    /// Both; an answer that broke off is a ClientError.
    Response answer(Deadline deadline = {});
    Response exchange(std::string_view method, std::string_view target, const Fields& fields = {},
                      std::string_view body = {}, Deadline deadline = {});

    /// Nothing of an answer came, nor its end, within this time.
    [[nodiscard]] bool quiet_for(milliseconds time);
    /// Gives the request up, visibly: its stream, or its connection.
    void leave();
    /// Closes the connection in order.
    void close();

    /// Whether the connection can be used for another request, as far as HTTP says.
    [[nodiscard]] bool stays(const Response& response) const;
    /// HTTP/2: it was not told to go away.
    [[nodiscard]] bool is_welcome() const { return !http2_ || http2_->goaways().empty(); }
    [[nodiscard]] std::string local_address();

  private:
    [[nodiscard]] std::size_t room();
    [[nodiscard]] bool over();
    [[nodiscard]] bool read_frame(Deadline deadline);
    [[nodiscard]] Client& socket() { return http1_ ? *http1_ : http2_->socket(); }

    std::unique_ptr<Client> http1_;
    std::unique_ptr<H2Client> http2_;
    std::string method_;
    bool chunked_ = false;
    // HTTP/2
    std::uint32_t stream_ = 0;
    std::size_t sent_ = 0;      ///< Octets on the stream,
    std::size_t sent_all_ = 0;  ///< and on the connection.
};

}  // namespace switchyard::test
