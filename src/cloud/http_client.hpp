#pragma once

#include "base/error.hpp"
#include "config/config.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/result.hpp>

namespace boost::asio::ssl {
class context;
}

namespace switchyard::cloud {

struct HttpRequest {
    std::string method = "GET";
    std::string target;  ///< Path and query, behind the URL's own path.
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;  ///< Sent as application/json; empty: none.
};

struct HttpAnswer {
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;

    /// The first field of this name, whatever its case.
    [[nodiscard]] std::optional<std::string> field(std::string_view name) const;
};

/// Why there was no answer, in words, and whether the request may have been read by the server.
struct HttpFault {
    std::string message;
    bool sent = false;
};
[[noreturn]] void throw_exception_from_error(const HttpFault& fault,
                                             const boost::source_location& where);

using HttpResult = boost::system::result<HttpAnswer, HttpFault>;

/// Requests to one HTTP service, a connection each, from the control thread. TLS as the URL says:
/// certificate and host name are verified, TLS 1.2 at least. Proxies that the environment names are
/// ignored; redirects are answers like others. Answers are bounded: 16 KiB of head, 1 MiB of body.
class HttpClient {
  public:
    /// `context` must outlive the client.
    HttpClient(boost::asio::io_context& context, config::HttpUrl url);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Loads what certificates are verified by: the PEM file, or the system's CAs when it is empty.
    /// Reads files. Needed before the first request with TLS; without it, requests fail.
    Result<void> trust(const std::string& ca_file);

    /// One request; `limit` is for all of it, from the look-up of the name to the last byte. Ends
    /// early after abort(). Does not throw.
    boost::asio::awaitable<HttpResult> send(HttpRequest request, std::chrono::milliseconds limit);

    /// Ends every request under way soon, with a fault, and whatever is asked later at once.
    void abort();

    [[nodiscard]] const config::HttpUrl& url() const noexcept { return url_; }

  private:
    class Exchange;

    boost::asio::io_context& context_;
    config::HttpUrl url_;
    std::unique_ptr<boost::asio::ssl::context> tls_;
    std::string tls_problem_ = "no CA certificates were loaded";
    std::vector<std::weak_ptr<Exchange>> exchanges_;
    bool aborted_ = false;
};

}  // namespace switchyard::cloud
