#pragma once

#include "base/colour.hpp"
#include "control/line_queue.hpp"
#include "control/refusal.hpp"
#include "control/wakeup.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

namespace switchyard::control {

/// A switch or a rollback, as it was asked for.
struct ChangeRequest {
    Caller caller;
    std::string service;
    bool rollback = false;
    bool promote = false;        ///< A switch to the slot of the canary that runs.
    std::string canary;          ///< Only to be refused as one; see CanaryRequest. Its name.
    bool deploy = false;         ///< Only to be refused as one; see DeployRequest.
    std::int64_t deploy_id = 0;  ///< The history's entry of the deploy that it ends; 0: none.
    std::optional<Colour> to;    ///< Of a switch; none: the slot that is not live.
    std::optional<std::uint64_t> if_epoch;
    bool force = false;
    std::optional<std::chrono::milliseconds> drain_timeout;
    bool plan = false;
    bool wait = true;
    bool hold = false;  ///< Requests wait from before the commit until it is acknowledged (C15).
    std::optional<std::chrono::milliseconds> hold_max;  ///< None: what a request may wait.

    [[nodiscard]] std::string action() const {
        if (deploy) return "deploy";
        if (!canary.empty()) return canary;
        if (promote) return "promote";
        return rollback ? "rollback" : "switch";
    }
};

/// What became of a command: either an error, or one object (plan, reload), or a stream of lines
/// that begins with "committed". The command goes on without its asker; the ticket is all that both
/// share. Control thread only.
class ChangeTicket {
  public:
    explicit ChangeTicket(boost::asio::any_io_executor executor)
        : lines(executor, 1024), decided_(executor) {}

    void refuse(Refusal refusal) {
        error = std::move(refusal);
        decide();
        lines.close();
    }
    void answer(boost::json::object object) {
        object_ = std::move(object);
        decide();
        lines.close();
    }
    void say(Line line) {
        lines.push(std::move(line));
        decide();
    }

    /// Until the answer begins.
    boost::asio::awaitable<void> decided() {
        while (!is_decided_)
            co_await decided_.wait();
    }
    [[nodiscard]] bool is_decided() const noexcept { return is_decided_; }
    [[nodiscard]] const std::optional<boost::json::object>& object() const noexcept {
        return object_;
    }

    std::optional<Refusal> error;
    LineQueue lines;

  private:
    void decide() {
        is_decided_ = true;
        decided_.notify();
    }

    std::optional<boost::json::object> object_;
    bool is_decided_ = false;
    Wakeup decided_;
};

/// The lines of a ticket, for the answer.
class TicketStream final : public LineSource {
  public:
    explicit TicketStream(std::shared_ptr<ChangeTicket> ticket) : ticket_(std::move(ticket)) {}

    boost::asio::awaitable<Line> next() override {
        while (ticket_->lines.empty() && !ticket_->lines.closed()) {
            co_await ticket_->lines.wait_for(std::chrono::hours(1));
        }
        co_return ticket_->lines.take();
    }

  private:
    std::shared_ptr<ChangeTicket> ticket_;
};

}  // namespace switchyard::control
