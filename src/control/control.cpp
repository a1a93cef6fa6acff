#include "control/control.hpp"

#include "base/log.hpp"
#include "control/peer.hpp"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;

namespace {
/// How often a reload by signal looks whether the change under way has ended.
constexpr std::chrono::milliseconds kBusyPause{20};
}  // namespace

ControlPlane::ControlPlane(asio::io_context& context, std::shared_ptr<const config::Config> config,
                           std::unique_ptr<state::Store> store, Ports ports,
                           ControllerTuning tuning)
    : executor_(context.get_executor()),
      config_(config),
      controller_(executor_, ports, std::move(config), std::move(store), std::move(tuning)),
      admin_routes_(executor_, controller_, [this] { return metrics_address(); }),
      metrics_routes_(controller_) {}

ControlPlane::~ControlPlane() = default;

Result<std::shared_ptr<const route::Snapshot>> ControlPlane::prepare() {
    return controller_.prepare();
}

Result<void> ControlPlane::listen() {
    auto admin = ListeningSocket::unix_socket(config_->admin.socket, config_->admin.socket_mode);
    if (!admin) return admin.error();
    if (!config_->admin.metrics.empty()) {
        auto metrics = ListeningSocket::tcp(config_->admin.metrics, "admin.metrics");
        if (!metrics) return metrics.error();
        metrics_server_.emplace(executor_, "metrics", std::move(*metrics), metrics_routes_);
    }
    admin_server_.emplace(executor_, "admin", std::move(*admin), admin_routes_);
    return {};
}

void ControlPlane::start() {
    controller_.start();
}

void ControlPlane::open() {
    if (admin_server_) {
        admin_server_->start();
        spdlog::info("admin_listening socket={}", log_value(admin_server_->address()));
    }
    if (metrics_server_) {
        metrics_server_->start();
        spdlog::info("metrics_listening address={}", log_value(metrics_server_->address()));
    }
}

asio::awaitable<void> ControlPlane::stop() {
    co_await controller_.stop();
    if (admin_server_) co_await admin_server_->stop();
    if (metrics_server_) co_await metrics_server_->stop();
    co_await controller_.stop();  // what was still asked meanwhile, and refused
}

asio::awaitable<void> ControlPlane::free_for_reload() {
    asio::steady_timer timer(executor_);
    while (controller_.any_change_under_way() && !controller_.stopping()) {
        timer.expires_after(kBusyPause);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

asio::awaitable<std::string> ControlPlane::reload_for_signal() {
    // A signal has nobody who could try again.
    for (;;) {
        co_await free_for_reload();
        const std::shared_ptr<ChangeTicket> ticket = controller_.reload(daemon_caller("signal"));
        co_await ticket->decided();
        if (!ticket->error) co_return std::string();
        if (ticket->error->code != "busy") co_return ticket->error->message;
    }
}

std::string ControlPlane::metrics_address() const {
    return metrics_server_ ? metrics_server_->address() : std::string();
}

}  // namespace switchyard::control
