#pragma once

#include "control/http_message.hpp"
#include "control/listening_socket.hpp"
#include "control/task_group.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

namespace switchyard::control {

struct HttpServerLimits {
    std::size_t connections = 256;  ///< Further ones are closed at once.
    std::size_t head_bytes = 16 * 1024;
    std::size_t body_bytes = 64 * 1024;
    std::chrono::milliseconds idle{60'000};     ///< Between two requests.
    std::chrono::milliseconds request{10'000};  ///< First byte of a request to its last.
    std::chrono::milliseconds write{30'000};    ///< Without the client taking what is sent.
    std::chrono::milliseconds farewell{1'000};  ///< At stop: for answers under way.
};

/// HTTP/1.1 for a few trusted clients: keep-alive, bounded sizes and times, streams with chunked
/// coding. Runs on one executor (one thread). Not for the public side.
class HttpServer {
  public:
    /// `handler` outlives the server. `name` is for the log.
    HttpServer(boost::asio::any_io_executor executor, std::string name, ListeningSocket socket,
               HttpHandler& handler, HttpServerLimits limits = {});
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Begins to accept.
    void start();

    /// Accepts no more, lets answers under way end for a moment, closes the rest, and completes
    /// when nothing runs any more.
    boost::asio::awaitable<void> stop();

    [[nodiscard]] const std::string& address() const noexcept { return socket_.address(); }
    [[nodiscard]] std::size_t connections() const noexcept { return sessions_.size(); }

  private:
    using Protocol = boost::asio::generic::stream_protocol;
    class Session;

    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> serve(Protocol::socket socket);

    boost::asio::any_io_executor executor_;
    std::string name_;
    ListeningSocket socket_;
    boost::asio::basic_socket_acceptor<Protocol> acceptor_;
    HttpHandler& handler_;
    HttpServerLimits limits_;
    bool stopping_ = false;
    std::list<Session*> sessions_;
    Wakeup stop_wanted_;
    TaskGroup tasks_;
};

}  // namespace switchyard::control
