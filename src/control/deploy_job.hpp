#pragma once

#include "config/config.hpp"
#include "control/change_guard.hpp"
#include "control/deploy_feed.hpp"
#include "control/deploy_request.hpp"
#include "control/deployment.hpp"
#include "control/remote.hpp"
#include "control/warm_up.hpp"
#include "state/store.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace switchyard::control {

/// Times of deploys that are no part of the configuration.
struct DeployTiming {
    std::chrono::milliseconds look_every{100};       ///< At the targets' health.
    std::chrono::milliseconds tell_every{1'000};     ///< Progress of a stage.
    std::chrono::milliseconds slack{10'000};         ///< On top of what a command may take.
    std::chrono::milliseconds cancel_grace{10'000};  ///< For what was cancelled on the hosts.
};

/// One deploy: what was asked, the machine, and what the controller needs to carry out its effects.
/// Stays after its end, so that who comes late is told how it ended. Control thread only.
struct DeployJob {
    DeployJob(boost::asio::any_io_executor executor, DeployRequest a_request)
        : request(std::move(a_request)),
          machine(DeployPlan{}),
          feed(executor),
          wake(executor),
          changed(executor) {}

    DeployRequest request;
    Deployment machine;
    DeployFeed feed;

    // As they were when it began; a reload after the switch changes nothing of it.
    std::shared_ptr<const config::Service> service;
    config::Ssh ssh;
    std::string previous_version;          ///< Of the live slot.
    std::optional<state::Release> before;  ///< What the slot held.

    std::deque<DeployEvent> events;  ///< For the machine.
    Wakeup wake;                     ///< There is one; or time to look at something.
    std::optional<ChangeGuard> guard;
    std::shared_ptr<RemoteJob> remote;  ///< Where commands run now; null: nowhere.
    bool remote_cancelled = false;      ///< Also what is about to begin there.
    std::shared_ptr<WarmUp> warm;       ///< Under way; may be null.
    std::uint64_t watch = 0;            ///< Who waits for the slot, health or warm-up; 0: nobody.
    std::uint64_t watches = 0;          ///< So many were begun.
    std::size_t told = 0;               ///< Stages whose begin was told ...
    std::size_t told_ended = 0;         ///< ... and their end.

    Wall::time_point begun = Wall::now();
    Wall::time_point deployed_at{};  ///< When its command was started.
    std::int64_t history_id = 0;     ///< 0: no entry yet.
    boost::json::object committed;   ///< Of the switch; empty before.
    boost::json::object drained;
    boost::json::array warm_up;
    boost::json::value reserved_ip;
    std::string cancelled_by;
    std::optional<Refusal> refusal;  ///< It never began.
    boost::json::object result;      ///< How it ended.
    bool decided = false;            ///< It began, or was refused.
    bool ended = false;              ///< Nothing of it is left to do.
    Wakeup changed;                  ///< decided, or ended.

    void push(DeployEvent event) {
        events.push_back(std::move(event));
        wake.notify();
    }
    [[nodiscard]] bool over() const noexcept { return ended; }
    [[nodiscard]] const config::Deploy& deploy() const { return *service->deploy; }
    [[nodiscard]] Colour slot() const noexcept { return machine.slot; }

    /// Until it began or was refused.
    boost::asio::awaitable<void> until_decided() {
        while (!decided)
            co_await changed.wait();
    }
    /// Until it is over, at most until `deadline`.
    boost::asio::awaitable<void> until_over(Steady::time_point deadline) {
        while (!over() && Steady::now() < deadline)
            co_await changed.wait_until(deadline);
    }
};

}  // namespace switchyard::control
