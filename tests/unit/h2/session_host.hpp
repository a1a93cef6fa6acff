#pragma once

#include "h2/server_session.hpp"
#include "net/event_loop.hpp"
#include "session/session_host.hpp"

#include <memory>
#include <string_view>

/// A worker for sessions in tests and fuzz targets: what it is asked for is at hand, and the
/// handler is the test's.
namespace switchyard::h2::test {

class Host final : public session::SessionHost {
  public:
    explicit Host(http::Handler& handler) : handler_(handler) {
        auto made = std::make_shared<session::ServerOptions>();
        made->http2 = {100, 65535, 4096, 8, 50, 50, 50, 50, 50, 100, std::chrono::seconds(60),
                       true};
        made->request_head = made->request_body = std::chrono::seconds(60);
        made->response_write = made->keep_alive = std::chrono::seconds(60);
        options_ = std::move(made);
    }

    [[nodiscard]] const std::shared_ptr<const session::ServerOptions>& options() const override {
        return options_;
    }
    [[nodiscard]] http::Handler& handler() override { return handler_; }
    [[nodiscard]] observe::WorkerCell& counters() override { return cell_; }
    void http2_limit_passed(std::string_view /*client*/, observe::Http2Limit limit) override {
        cell_.http2_limits[static_cast<std::size_t>(limit)].add();
    }
    [[nodiscard]] bool trusts(const net::Address&) const override { return false; }
    [[nodiscard]] bool draining() const override { return false; }

  private:
    http::Handler& handler_;
    std::shared_ptr<const session::ServerOptions> options_;
    observe::WorkerCell cell_;
};

inline constexpr std::string_view kPreface =
    std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

}  // namespace switchyard::h2::test
