#pragma once

#include "control/controller.hpp"
#include "control/http_message.hpp"

namespace switchyard::control {

/// The metrics listener: GET /metrics for Prometheus, GET /healthz for whoever wants to know that
/// the daemon lives. Control thread only.
class MetricsRoutes final : public HttpHandler {
  public:
    explicit MetricsRoutes(const Controller& controller) : controller_(controller) {}

    boost::asio::awaitable<HttpReply> handle(HttpRequest request) override;
    [[nodiscard]] HttpReply failure(unsigned status) const override;

  private:
    const Controller& controller_;
};

}  // namespace switchyard::control
