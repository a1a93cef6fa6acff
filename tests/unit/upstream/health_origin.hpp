#pragma once

#include "config/config.hpp"
#include "route/target.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace switchyard::upstream::test {

namespace asio = boost::asio;

inline std::string response(unsigned status, const std::string& body = "ok\n") {
    return "HTTP/1.1 " + std::to_string(status) +
           " Some Reason\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Runs the context until the condition holds; false after ten seconds.
inline bool run_until(asio::io_context& context, const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    context.restart();
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        context.run_one_for(std::chrono::milliseconds(100));
        if (context.stopped()) context.restart();
    }
    return true;
}

/// An application on the test's own thread: answers each request with the next of `answers`, or
/// with `answer` when there is none; an empty answer: never answers.
template <class Protocol>
class BasicOrigin {
  public:
    BasicOrigin(asio::io_context& context, typename Protocol::endpoint endpoint)
        : acceptor_(context, endpoint) {
        accept();
    }
    ~BasicOrigin() { close(); }
    BasicOrigin(const BasicOrigin&) = delete;
    BasicOrigin& operator=(const BasicOrigin&) = delete;

    void close() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        for (const auto& connection : connections_)
            connection->socket.close(ignored);
        connections_.clear();
    }
    [[nodiscard]] typename Protocol::endpoint endpoint() const {
        return acceptor_.local_endpoint();
    }

    std::string answer = response(200);
    std::deque<std::string> answers;
    bool close_after_answer = true;
    std::vector<std::string> requests;
    std::size_t accepted = 0;

  private:
    struct Connection {
        explicit Connection(typename Protocol::socket from) : socket(std::move(from)) {}
        typename Protocol::socket socket;
        std::string request;
        std::string answer;
    };

    void accept() {
        acceptor_.async_accept(
            [this](const boost::system::error_code& error, typename Protocol::socket socket) {
                if (error) return;
                ++accepted;
                auto connection = std::make_shared<Connection>(std::move(socket));
                connections_.push_back(connection);
                read(connection);
                accept();
            });
    }
    void read(const std::shared_ptr<Connection>& connection) {
        asio::async_read_until(
            connection->socket, asio::dynamic_buffer(connection->request), "\r\n\r\n",
            [this, connection](const boost::system::error_code& error, std::size_t) {
                if (error) return;
                requests.push_back(connection->request);
                connection->answer = answer;
                if (!answers.empty()) {
                    connection->answer = answers.front();
                    answers.pop_front();
                }
                if (connection->answer.empty()) return;
                asio::async_write(connection->socket, asio::buffer(connection->answer),
                                  [close = close_after_answer, connection](
                                      const boost::system::error_code&, std::size_t) {
                                      boost::system::error_code ignored;
                                      if (close) connection->socket.close(ignored);
                                  });
            });
    }

    typename Protocol::acceptor acceptor_;
    std::vector<std::shared_ptr<Connection>> connections_;
};

/// On 127.0.0.1 and a port that the system chooses.
class Origin : public BasicOrigin<asio::ip::tcp> {
  public:
    explicit Origin(asio::io_context& context)
        : BasicOrigin(context, {asio::ip::address_v4::loopback(), 0}) {}
    [[nodiscard]] std::uint16_t port() const { return endpoint().port(); }
};

inline config::Target ip_target(std::uint16_t port) {
    config::Target target;
    target.host = "127.0.0.1";
    target.port = port;
    target.address = "127.0.0.1:" + std::to_string(port);
    return target;
}

/// A port of 127.0.0.1 where nobody listens.
inline std::uint16_t closed_port(asio::io_context& context) {
    return Origin(context).port();
}

}  // namespace switchyard::upstream::test
