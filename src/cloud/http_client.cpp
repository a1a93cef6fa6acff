#include "cloud/http_client.hpp"

#include "cloud/name_lookup.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace switchyard::cloud {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::uint32_t kHeadBytes = 16 * 1024;
constexpr std::uint64_t kBodyBytes = 1024 * 1024;

std::string lower_first(std::string words) {
    if (!words.empty()) words[0] = static_cast<char>(std::tolower(words[0]));
    return words;
}

bool is_address(const std::string& host) {
    error_code failed;
    (void)asio::ip::make_address(host, failed);
    return !failed;
}

}  // namespace

std::optional<std::string> HttpAnswer::field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
        if (boost::beast::iequals(key, name)) return value;
    }
    return std::nullopt;
}

void throw_exception_from_error(const HttpFault& fault, const boost::source_location&) {
    throw std::runtime_error(fault.message);
}

/// One request under way. Shared with the handler of its timer, which may run after its end.
class HttpClient::Exchange : public std::enable_shared_from_this<HttpClient::Exchange> {
  public:
    Exchange(asio::io_context& context, asio::ssl::context& tls, const config::HttpUrl& url,
             std::chrono::milliseconds limit)
        : stream_(context, tls), timer_(context), lookup_(context), url_(url), limit_(limit) {}

    asio::awaitable<HttpResult> run(HttpRequest request);

    void end(const char* why) {
        if (ended_ != nullptr) return;
        ended_ = why;
        timer_.cancel();
        lookup_.cancel();
        error_code ignored;
        stream_.next_layer().close(ignored);
    }

  private:
    void start_timer() {
        timer_.expires_after(limit_);
        timer_.async_wait([self = shared_from_this()](const error_code& error) {
            if (!error) self->end("timed out");
        });
    }
    asio::awaitable<error_code> connect();
    asio::awaitable<error_code> handshake();
    template <class Stream>
    asio::awaitable<error_code> exchange(Stream* stream,
                                         const http::request<http::string_body>* out,
                                         http::response_parser<http::string_body>* in);
    [[nodiscard]] http::request<http::string_body> message(const HttpRequest& request) const;
    [[nodiscard]] HttpFault fault(const error_code& error) const;

    asio::ssl::stream<tcp::socket> stream_;
    asio::steady_timer timer_;
    NameLookup lookup_;
    const config::HttpUrl url_;
    std::chrono::milliseconds limit_;
    const char* phase_ = "resolving the name";
    const char* ended_ = nullptr;  ///< Why it was ended from outside.
    bool sent_ = false;
};

asio::awaitable<error_code> HttpClient::Exchange::connect() {
    phase_ = "connecting";
    error_code error;
    co_await asio::async_connect(stream_.next_layer(), lookup_.addresses(),
                                 asio::redirect_error(asio::use_awaitable, error));
    if (ended_ != nullptr) error = asio::error::operation_aborted;
    if (!error) {
        error_code ignored;
        stream_.next_layer().set_option(tcp::no_delay(true), ignored);
    }
    co_return error;
}

asio::awaitable<error_code> HttpClient::Exchange::handshake() {
    phase_ = "verifying the certificate";
    error_code error;
    stream_.set_verify_mode(asio::ssl::verify_peer, error);
    if (!error) stream_.set_verify_callback(asio::ssl::host_name_verification(url_.host), error);
    if (error) co_return error;
    if (!is_address(url_.host))
        SSL_set_tlsext_host_name(stream_.native_handle(), url_.host.c_str());
    co_await stream_.async_handshake(asio::ssl::stream_base::client,
                                     asio::redirect_error(asio::use_awaitable, error));
    co_return error;
}

http::request<http::string_body> HttpClient::Exchange::message(const HttpRequest& request) const {
    http::request<http::string_body> out(http::string_to_verb(request.method),
                                         url_.path + request.target, 11);
    std::string host = url_.host.find(':') == std::string::npos ? url_.host : "[" + url_.host + "]";
    if (url_.port != (url_.tls ? 443 : 80)) host += ":" + std::to_string(url_.port);
    out.set(http::field::host, host);
    out.set(http::field::user_agent, "switchyard/" SWITCHYARD_VERSION);
    out.set(http::field::accept, "application/json");
    out.set(http::field::connection, "close");
    for (const auto& [name, value] : request.fields)
        out.set(name, value);
    if (!request.body.empty()) {
        out.set(http::field::content_type, "application/json");
        out.body() = request.body;
    }
    out.prepare_payload();
    return out;
}

template <class Stream>
asio::awaitable<error_code> HttpClient::Exchange::exchange(
    Stream* stream, const http::request<http::string_body>* out,
    http::response_parser<http::string_body>* in) {
    error_code error;
    phase_ = "sending the request";
    sent_ = true;
    co_await http::async_write(*stream, *out, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return error;
    phase_ = "waiting for the answer";
    boost::beast::flat_buffer buffer(kHeadBytes + 4096);
    in->header_limit(kHeadBytes);
    in->body_limit(kBodyBytes);
    co_await http::async_read(*stream, buffer, *in,
                              asio::redirect_error(asio::use_awaitable, error));
    co_return error;
}

HttpFault HttpClient::Exchange::fault(const error_code& error) const {
    HttpFault fault;
    fault.sent = sent_;
    const std::string where = url_.text() + ": ";
    if (ended_ != nullptr) {
        fault.message = where + ended_ + " while " + phase_;
        if (limit_.count() > 0 && std::string_view(ended_) == "timed out") {
            fault.message = where + "no answer within " + std::to_string(limit_.count()) + " ms (" +
                            phase_ + ")";
        }
    } else if (error == asio::error::eof || error == http::error::end_of_stream ||
               error == http::error::partial_message ||
               error == asio::ssl::error::stream_truncated) {
        fault.message = where + "the connection was closed while " + phase_;
    } else if (error == http::error::body_limit || error == http::error::header_limit ||
               error == http::error::buffer_overflow) {
        fault.message = where + "the answer is too long";
    } else if (error.category() == http::make_error_code(http::error::bad_version).category()) {
        fault.message = where + "the answer is not HTTP: " + lower_first(error.message());
    } else {
        std::string why = lower_first(error.message());
        const long verify = SSL_get_verify_result(
            const_cast<asio::ssl::stream<tcp::socket>&>(stream_).native_handle());
        if (url_.tls && std::string_view(phase_) == "verifying the certificate") {
            // Our own check of the host's name leaves no reason behind.
            if (verify == X509_V_ERR_UNSPECIFIED ||
                (verify == X509_V_OK && why.find("verify failed") != std::string::npos)) {
                why = "the certificate is for another host";
            } else if (verify != X509_V_OK) {
                why = std::string("the certificate is not trusted: ") +
                      X509_verify_cert_error_string(verify);
            }
        }
        fault.message = where + why + " (" + phase_ + ")";
    }
    return fault;
}

asio::awaitable<HttpResult> HttpClient::Exchange::run(HttpRequest request) {
    const auto self = shared_from_this();
    start_timer();
    const http::request<http::string_body> out = message(request);
    http::response_parser<http::string_body> in;
    error_code error = co_await lookup_.run(url_.host, url_.port);
    // A socket that is opened after the end would have no timer.
    if (ended_ != nullptr) error = asio::error::operation_aborted;
    if (!error) error = co_await connect();
    if (!error && url_.tls) error = co_await handshake();
    if (!error && ended_ != nullptr) error = asio::error::operation_aborted;
    if (!error) {
        if (url_.tls) {
            error = co_await exchange(&stream_, &out, &in);
        } else {
            error = co_await exchange(&stream_.next_layer(), &out, &in);
        }
    }
    timer_.cancel();
    error_code ignored;
    stream_.next_layer().close(ignored);
    if (error) co_return fault(error);
    HttpAnswer answer;
    answer.status = in.get().result_int();
    for (const auto& field : in.get()) {
        answer.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    answer.body = std::move(in.get().body());
    co_return answer;
}

HttpClient::HttpClient(asio::io_context& context, config::HttpUrl url)
    : context_(context),
      url_(std::move(url)),
      tls_(std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client)) {}

HttpClient::~HttpClient() {
    abort();
}

Result<void> HttpClient::trust(const std::string& ca_file) {
    error_code error;
    tls_->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                          asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                          asio::ssl::context::no_tlsv1_1,
                      error);
    if (!error) {
        if (ca_file.empty()) {
            tls_->set_default_verify_paths(error);
        } else {
            tls_->load_verify_file(ca_file, error);
        }
    }
    if (error) {
        tls_problem_ = "cannot read CA certificates from " +
                       (ca_file.empty() ? std::string("the system's folder") : ca_file) + ": " +
                       lower_first(error.message());
        return Error(tls_problem_);
    }
    tls_problem_.clear();
    return {};
}

asio::awaitable<HttpResult> HttpClient::send(HttpRequest request, std::chrono::milliseconds limit) {
    if (url_.tls && !tls_problem_.empty()) {
        co_return HttpFault{url_.text() + ": " + tls_problem_, false};
    }
    if (aborted_) co_return HttpFault{url_.text() + ": given up", false};
    std::erase_if(exchanges_, [](const auto& each) { return each.expired(); });
    const auto exchange = std::make_shared<Exchange>(context_, *tls_, url_, limit);
    exchanges_.push_back(exchange);
    co_return co_await exchange->run(std::move(request));
}

void HttpClient::abort() {
    aborted_ = true;
    for (const auto& each : exchanges_) {
        if (const auto exchange = each.lock()) exchange->end("given up");
    }
}

}  // namespace switchyard::cloud
