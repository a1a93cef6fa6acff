#pragma once

#include "base/error.hpp"
#include "control/admin_routes.hpp"
#include "control/controller.hpp"
#include "control/http_server.hpp"
#include "control/metrics_routes.hpp"

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace switchyard::control {

/// The whole control side for whoever wires the daemon. It lives on one thread, the one that runs
/// `context`. The order is fixed:
///
///   1. Construct. Publisher::workers() and ProcessFacts already answer (no worker runs yet).
///   2. prepare(): reads the state and returns the first snapshot. Blocks; no socket yet.
///   3. listen(): binds the admin socket and the metrics port. An error here or above ends the
///      start, and nothing is left behind.
///      record() then makes the first live slots of new services durable.
///   4. Start the workers with the snapshot of step 2.
///   5. start(): from here on the publisher, the monitor and the other ports are called. open(),
///      once everything is in place: from here on commands are taken.
///   6. Run `context`.
///   7. stop(), awaited on the control thread while the workers still run (a change that is being
///      written still gets published). After it, nothing of the control side runs.
///   8. Destroy, before the ports and the context.
///
/// At SIGTERM: stop() first when running drains may be reported as interrupted, or after the
/// workers have drained; either way before the workers end.
class ControlPlane {
  public:
    ControlPlane(boost::asio::io_context& context, std::shared_ptr<const config::Config> config,
                 std::unique_ptr<state::Store> store, Ports ports, ControllerTuning tuning = {});
    ~ControlPlane();

    /// Step 2.
    [[nodiscard]] Result<std::shared_ptr<const route::Snapshot>> prepare();
    /// Step 3.
    [[nodiscard]] Result<void> listen();
    [[nodiscard]] Result<void> record() { return controller_.record(); }
    /// Step 5.
    void start();
    void open();
    /// When the daemon begins to end; see Controller::expect_stop().
    void expect_stop() { controller_.expect_stop(); }
    /// Step 7.
    boost::asio::awaitable<void> stop();

    /// After step 7: false when a thread is stuck in the system's name service.
    [[nodiscard]] bool close() { return admin_routes_.close(); }

    /// Reloads for SIGHUP, as soon as no other change is under way: written into the history under
    /// the daemon's uid and the user "signal". Completes with the error's message, or "" when the
    /// new configuration is in force.
    boost::asio::awaitable<std::string> reload_for_signal();
    /// Until no change is under way: the next reload is not refused as busy.
    boost::asio::awaitable<void> free_for_reload();

    [[nodiscard]] Controller& controller() noexcept { return controller_; }
    /// The real address of the metrics listener; empty: there is none.
    [[nodiscard]] std::string metrics_address() const;

  private:
    boost::asio::any_io_executor executor_;
    std::shared_ptr<const config::Config> config_;
    Controller controller_;
    AdminRoutes admin_routes_;
    MetricsRoutes metrics_routes_;
    std::optional<HttpServer> admin_server_;
    std::optional<HttpServer> metrics_server_;
};

}  // namespace switchyard::control
