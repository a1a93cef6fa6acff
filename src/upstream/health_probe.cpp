#include "upstream/health_probe.hpp"

#include "upstream/grpc_check.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <optional>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <openssl/ssl.h>

namespace switchyard::upstream {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using asio::generic::stream_protocol;

namespace {

constexpr std::size_t kBodyBytes = 4096;
constexpr std::uint32_t kHeadBytes = 16 * 1024;
constexpr std::size_t kBodyLineBytes = 200;
constexpr int kInterimResponses = 8;  ///< 1xx heads before the real one.

/// A check under way. The timer's handler may run after the check ended, so it shares this.
struct Attempt {
    explicit Attempt(asio::io_context& context) : socket(context), timer(context) {}

    stream_protocol::socket socket;
    std::shared_ptr<const TlsClient> client;  ///< Of `tls`, which points to it.
    std::optional<asio::ssl::stream<stream_protocol::socket&>> tls;
    asio::steady_timer timer;
    bool timed_out = false;
    const char* phase = "connecting";
    std::string failure;  ///< What is wrong, where that is better known than by an error.

    void start_timer(std::chrono::milliseconds timeout, const std::shared_ptr<Attempt>& self) {
        timer.expires_after(timeout);
        timer.async_wait([self](const error_code& error) {
            if (error) return;
            self->timed_out = true;
            error_code ignored;
            self->socket.close(ignored);
        });
    }
};

std::string in_words(const error_code& error) {
    std::string words = error.message();
    if (!words.empty()) words[0] = static_cast<char>(std::tolower(words[0]));
    return words;
}

std::string describe(const Attempt& attempt, const config::HealthCheck& check,
                     const error_code& error) {
    if (attempt.timed_out) {
        return "timed out after " + std::to_string(check.timeout.count()) + " ms while " +
               attempt.phase;
    }
    if (!attempt.failure.empty()) return attempt.failure;
    if (error == asio::error::eof || error == http::error::end_of_stream ||
        error == http::error::partial_message || error == asio::ssl::error::stream_truncated) {
        return std::string("connection closed while ") + attempt.phase;
    }
    if (error.category() == http::make_error_code(http::error::bad_version).category()) {
        return "not a valid HTTP response: " + in_words(error);
    }
    if (attempt.phase == std::string_view("connecting")) return in_words(error);
    return in_words(error) + " while " + attempt.phase;
}

std::string first_line(std::string_view body) {
    while (!body.empty() && (body[0] == '\r' || body[0] == '\n'))
        body.remove_prefix(1);
    body = body.substr(0, std::min(body.find_first_of("\r\n"), kBodyLineBytes));
    std::string line(body);
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return line;
}

asio::awaitable<error_code> connect(std::shared_ptr<Attempt> attempt,
                                    std::vector<route::SocketAddress> addresses) {
    error_code error = asio::error::host_not_found;
    for (const route::SocketAddress& address : addresses) {
        error_code ignored;
        attempt->socket.close(ignored);
        const stream_protocol::endpoint endpoint(address.bytes, address.size);
        co_await attempt->socket.async_connect(endpoint,
                                               asio::redirect_error(asio::use_awaitable, error));
        if (!error || attempt->timed_out) break;
    }
    // The time-out may have come between the connect's end and now.
    if (!error && attempt->timed_out) error = asio::error::timed_out;
    co_return error;
}

/// The handshake over a connection that stands.
asio::awaitable<error_code> encrypt(std::shared_ptr<Attempt> attempt,
                                    std::shared_ptr<const TlsClient> client, std::string host) {
    attempt->phase = "in the TLS handshake";
    ssl_st* made = client != nullptr ? client->make(host) : nullptr;
    if (made == nullptr) co_return asio::error::no_memory;
    attempt->client = client;
    attempt->tls.emplace(attempt->socket, made);
    error_code error;
    co_await attempt->tls->async_handshake(asio::ssl::stream_base::client,
                                           asio::redirect_error(asio::use_awaitable, error));
    if (error && !attempt->timed_out) {
        attempt->failure = client->failure(made);
        // Asio has emptied the queue.
        if (attempt->failure.empty() && error.category() == asio::error::get_ssl_category()) {
            attempt->failure = "TLS: " + in_words(error);
        }
    }
    if (!error && attempt->timed_out) error = asio::error::timed_out;
    co_return error;
}

/// Reads the head of the final response, then its body as far as it matters. `stream`: the
/// attempt's, plain or TLS.
template <class Stream>
asio::awaitable<error_code> exchange(std::shared_ptr<Attempt> attempt, Stream* stream,
                                     std::string request, ProbeResult* result) {
    error_code error;
    attempt->phase = "sending the request";
    co_await asio::async_write(*stream, asio::buffer(request),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return error;

    boost::beast::flat_buffer buffer(kHeadBytes + kBodyBytes);
    for (int heads = 0; heads < kInterimResponses; ++heads) {
        http::response_parser<http::buffer_body> parser;
        parser.header_limit(kHeadBytes);
        parser.body_limit(boost::none);
        attempt->phase = "waiting for the response head";
        co_await http::async_read_header(*stream, buffer, parser,
                                         asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return error;
        const unsigned status = parser.get().result_int();
        if (status < 200 && status != 101) continue;

        result->status = status;
        attempt->phase = "reading the response body";
        std::array<char, kBodyBytes> body;
        auto& target = parser.get().body();
        target.data = body.data();
        target.size = body.size();
        while (!parser.is_done() && target.size > 0) {
            co_await http::async_read_some(*stream, buffer, parser,
                                           asio::redirect_error(asio::use_awaitable, error));
            if (error) break;
        }
        result->body_line = first_line({body.data(), body.size() - target.size});
        if (error == http::error::need_buffer) error = {};  // Longer than what matters.
        co_return error;
    }
    co_return http::make_error_code(http::error::bad_status);
}

/// A connection for HTTP/2: up to the target's SETTINGS, or with a request up to its answer's end.
/// `stream`: the attempt's, plain or TLS.
template <class Stream>
asio::awaitable<error_code> exchange_http2(std::shared_ptr<Attempt> attempt, Stream* stream,
                                           h2::Requester* requester, bool asks) {
    error_code error;
    std::array<char, kBodyBytes> arrivals;
    attempt->phase = "waiting for HTTP/2's SETTINGS";
    while (!requester->done()) {
        const std::string out = requester->take_output();
        if (!out.empty()) {
            co_await asio::async_write(*stream, asio::buffer(out),
                                       asio::redirect_error(asio::use_awaitable, error));
            if (error) co_return error;
        }
        if (requester->settled()) {
            if (!asks) break;
            attempt->phase = "waiting for the response";
        }
        const std::size_t size = co_await stream->async_read_some(
            asio::buffer(arrivals), asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return error;
        requester->feed({arrivals.data(), size});
    }
    co_return error;
}

/// The check of a target that speaks HTTP/2, over a connection that stands.
asio::awaitable<error_code> check_http2(std::shared_ptr<Attempt> attempt, config::HealthCheck check,
                                        std::string host, ProbeResult* result) {
    using Kind = config::HealthCheck::Kind;
    h2::Requester requester(kBodyBytes);
    h2::Requester::Request request;
    if (check.kind == Kind::grpc) {
        request = grpc_check_request(check.grpc);
    } else {
        request.path = check.path;
        request.fields.emplace_back("accept", "*/*");
    }
    request.scheme = attempt->tls ? "https" : "http";
    request.authority = host;
    request.fields.emplace_back("user-agent", "switchyard-health");
    const bool asks = check.kind != Kind::tcp;
    if (asks && !requester.ask(request)) co_return asio::error::no_memory;
    error_code error;
    if (attempt->tls) {
        error = co_await exchange_http2(attempt, &*attempt->tls, &requester, asks);
    } else {
        error = co_await exchange_http2(attempt, &attempt->socket, &requester, asks);
    }
    result->status = requester.answer().status;
    if (!requester.failure().empty()) {
        attempt->failure = requester.failure();
        if (!requester.settled()) attempt->failure = "no HTTP/2: " + attempt->failure;
        co_return asio::error::connection_aborted;
    }
    if (error || !asks) co_return error;
    if (check.kind == Kind::grpc) {
        const GrpcCheckAnswer answer = read_grpc_check(requester.answer());
        result->ok = answer.serving;
        result->body_line = answer.status;
        result->error = answer.problem;
    } else {
        result->body_line = first_line(requester.answer().body);
    }
    co_return error;
}

/// What a target that should speak HTTP/2 over TLS agreed to.
bool agreed_to_http2(ssl_st* tls) noexcept {
    const unsigned char* protocol = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(tls, &protocol, &size);
    return size == 2 && protocol[0] == 'h' && protocol[1] == '2';
}

}  // namespace

asio::awaitable<ProbeResult> probe(asio::io_context& context, std::shared_ptr<route::Target> target,
                                   config::HealthCheck check, std::string host) {
    const auto begin = Clock::now();
    const auto attempt = std::make_shared<Attempt>(context);
    attempt->start_timer(check.timeout, attempt);

    ProbeResult result;
    error_code error = co_await connect(attempt, target->addresses());
    if (!error && target->config().proxy_protocol != ProxyProtocol::off) {
        attempt->phase = "sending the PROXY header";
        const std::string_view header = own_proxy_header(target->config().proxy_protocol);
        co_await asio::async_write(attempt->socket, asio::buffer(header.data(), header.size()),
                                   asio::redirect_error(asio::use_awaitable, error));
    }
    if (!error && target->config().tls()) {
        error = co_await encrypt(attempt, target->tls(), target->config().host);
    }
    const bool http2 = target->config().http2;
    if (!error && http2 && attempt->tls && !agreed_to_http2(attempt->tls->native_handle())) {
        attempt->failure = "the target does not offer HTTP/2 (h2 in ALPN)";
        error = asio::error::connection_aborted;
    }
    if (!error && http2) {
        error = co_await check_http2(attempt, check, host, &result);
    } else if (!error && check.kind == config::HealthCheck::Kind::http) {
        std::string request = "GET " + check.path + " HTTP/1.1\r\nHost: " + host +
                              "\r\nUser-Agent: switchyard-health\r\nAccept: */*\r\n"
                              "Connection: close\r\n\r\n";
        if (attempt->tls) {
            error = co_await exchange(attempt, &*attempt->tls, std::move(request), &result);
        } else {
            error = co_await exchange(attempt, &attempt->socket, std::move(request), &result);
        }
    }
    attempt->timer.cancel();
    error_code ignored;
    attempt->socket.close(ignored);

    result.duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
    if (error) {
        result.error = describe(*attempt, check, error);
    } else if (check.kind != config::HealthCheck::Kind::grpc) {
        result.ok = check.kind == config::HealthCheck::Kind::tcp ||
                    (result.status >= check.expect_min && result.status <= check.expect_max);
    }
    co_return result;
}

std::string probe_host(const config::Service& service, const config::Target& target) {
    if (!service.health_check.host.empty()) return service.health_check.host;
    for (const std::string& host : service.hosts) {
        if (!host.empty() && host[0] != '*') return host;
    }
    return target.kind == config::Target::Kind::unix_socket ? "localhost" : target.address;
}

}  // namespace switchyard::upstream
