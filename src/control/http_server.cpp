#include "control/http_server.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using boost::system::error_code;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

std::optional<std::uint32_t> peer_uid(int descriptor, int family) {
    if (family != AF_UNIX) return std::nullopt;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    return peer.uid;
}

std::string head_of(const HttpReply& reply, bool http_1_0, bool keep_alive) {
    const std::string_view reason = http::obsolete_reason(http::int_to_status(reply.status));
    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " ";
    head.append(reason).append("\r\nContent-Type: ").append(reply.content_type).append("\r\n");
    for (const auto& [name, value] : reply.fields) {
        head.append(name).append(": ").append(value).append("\r\n");
    }
    if (!reply.stream) {
        head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    } else if (!http_1_0) {
        head += "Transfer-Encoding: chunked\r\n";
    }
    head += "Cache-Control: no-store\r\n";
    if (!keep_alive) {
        head += "Connection: close\r\n";
    } else if (http_1_0) {
        head += "Connection: keep-alive\r\n";
    }
    return head + "\r\n";
}

std::string chunk_of(const std::string& data) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    return size + data + "\r\n";
}

}  // namespace

/// One connection. Registered with the server while it lives, so that stop() can close it.
class HttpServer::Session {
  public:
    Session(HttpServer& server, Protocol::socket socket)
        : server_(server), stream_(std::move(socket)) {
        server_.sessions_.push_back(this);
        position_ = std::prev(server_.sessions_.end());
        const int family = server.socket_.family();
        uid_ = peer_uid(stream_.socket().native_handle(), family);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() { server_.sessions_.erase(position_); }

    asio::awaitable<void> run() {
        while (!server_.stopping_) {
            if (!co_await await_request()) break;
            http::request_parser<http::string_body> parser;
            parser.header_limit(static_cast<std::uint32_t>(server_.limits_.head_bytes));
            parser.body_limit(server_.limits_.body_bytes);
            busy_ = true;
            stream_.expires_after(server_.limits_.request);
            const auto [failed, size] = co_await http::async_read(stream_, buffer_, parser, kTuple);
            if (failed) {
                co_await refuse(failed);
                break;
            }
            const bool alive = co_await answer(parser.release());
            if (!alive) break;
            busy_ = false;
        }
        hang_up();
    }

    /// Idle connections at once, the others after their answer.
    void close_if_idle() {
        if (!busy_) close();
    }
    void close() {
        error_code ignored;
        stream_.socket().close(ignored);
    }

  private:
    using Request = http::request<http::string_body>;

    /// False: the client left, or was silent for too long.
    asio::awaitable<bool> await_request() {
        if (buffer_.size() != 0) co_return true;
        stream_.expires_after(server_.limits_.idle);
        const auto [failed, size] = co_await stream_.async_read_some(buffer_.prepare(4096), kTuple);
        if (failed) co_return false;
        buffer_.commit(size);
        co_return true;
    }

    asio::awaitable<void> refuse(error_code failed) {
        unsigned status = 400;
        if (failed == http::error::body_limit) status = 413;
        if (failed == http::error::header_limit) status = 431;
        // Everything that is no violation of HTTP: the client left or was too slow.
        const bool nobody_listens =
            failed == http::error::end_of_stream || failed == http::error::partial_message ||
            failed.category() != http::make_error_code(http::error::bad_method).category();
        if (nobody_listens) co_return;
        HttpReply reply = server_.handler_.failure(status);
        const std::string text = head_of(reply, false, false) + reply.body;
        co_await write(text);
    }

    /// False: the connection ends here.
    asio::awaitable<bool> answer(Request message) {
        HttpRequest request;
        request.method = std::string(message.method_string());
        request.target = std::string(message.target());
        request.body = std::move(message.body());
        request.uid = uid_;
        const bool http_1_0 = message.version() < 11;
        const bool head = request.method == "HEAD";

        stream_.expires_never();
        HttpReply reply;
        bool failed = false;
        try {
            reply = co_await server_.handler_.handle(std::move(request));
        } catch (const std::exception& error) {
            spdlog::error("{}_failed error={}", server_.name_, log_value(error.what()));
            failed = true;
        }
        if (failed) reply = server_.handler_.failure(500);

        const bool keep_alive = message.keep_alive() && !reply.stream && !server_.stopping_;
        std::string text = head_of(reply, http_1_0, keep_alive);
        if (!reply.stream) {
            if (!head) text += reply.body;
            const bool written = co_await write(text);
            co_return written&& keep_alive;
        }
        bool written = co_await write(text);
        while (written && !head) {
            const Line line = co_await reply.stream->next();
            if (!line) break;
            const std::string piece = http_1_0 ? *line : chunk_of(*line);
            written = co_await write(piece);
        }
        if (written && !http_1_0 && !head) co_await write("0\r\n\r\n");
        co_return false;
    }

    asio::awaitable<bool> write(std::string text) {
        stream_.expires_after(server_.limits_.write);
        const auto [failed, size] = co_await asio::async_write(stream_, asio::buffer(text), kTuple);
        co_return !failed;
    }

    void hang_up() {
        error_code ignored;
        stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
        stream_.socket().close(ignored);
    }

    HttpServer& server_;
    beast::basic_stream<Protocol> stream_;
    std::list<Session*>::iterator position_;
    beast::flat_buffer buffer_;
    std::optional<std::uint32_t> uid_;
    bool busy_ = false;
};

HttpServer::HttpServer(asio::any_io_executor executor, std::string name, ListeningSocket socket,
                       HttpHandler& handler, HttpServerLimits limits)
    : executor_(executor),
      name_(std::move(name)),
      socket_(std::move(socket)),
      acceptor_(executor),
      handler_(handler),
      limits_(limits),
      stop_wanted_(executor),
      tasks_(executor) {
    const Protocol protocol(socket_.family(), 0);
    acceptor_.assign(protocol, socket_.release());
}

HttpServer::~HttpServer() = default;

void HttpServer::start() {
    tasks_.spawn(name_ + "_accept", accept());
}

asio::awaitable<void> HttpServer::accept() {
    while (!stopping_) {
        auto [failed, socket] = co_await acceptor_.async_accept(kTuple);
        if (stopping_) break;
        if (failed) {
            // Out of descriptors, or a client that left already: neither may turn into a busy loop.
            spdlog::warn("{}_accept_failed error={}", name_, log_value(failed.message()));
            co_await stop_wanted_.wait_for(std::chrono::milliseconds(100));
            continue;
        }
        if (sessions_.size() >= limits_.connections) {
            spdlog::warn("{}_connection_refused connections={}", name_, sessions_.size());
            continue;
        }
        tasks_.spawn(name_ + "_session", serve(std::move(socket)));
    }
}

asio::awaitable<void> HttpServer::serve(Protocol::socket socket) {
    Session session(*this, std::move(socket));
    co_await session.run();
}

asio::awaitable<void> HttpServer::stop() {
    stopping_ = true;
    stop_wanted_.notify();
    error_code ignored;
    acceptor_.close(ignored);
    socket_.unlink();
    for (Session* session : sessions_)
        session->close_if_idle();
    const auto deadline = std::chrono::steady_clock::now() + limits_.farewell;
    while (!tasks_.empty() && std::chrono::steady_clock::now() < deadline) {
        co_await tasks_.wait_until(deadline);
    }
    for (Session* session : sessions_)
        session->close();
    tasks_.cancel();
    co_await tasks_.wait();
}

}  // namespace switchyard::control
