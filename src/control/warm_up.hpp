#pragma once

#include "config/config.hpp"
#include "control/task_group.hpp"
#include "control/times.hpp"
#include "route/target.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/array.hpp>

namespace switchyard::control {

/// Decides when a target's latency has settled: it does not get better any more. Pure.
class Settling {
  public:
    /// One round over all paths. True: settled.
    bool add(std::chrono::microseconds round) {
        ++rounds_;
        const bool better =
            round < best_ - best_ / 10 && best_ - round > std::chrono::milliseconds(1);
        since_better_ = rounds_ == 1 || better ? 0 : since_better_ + 1;
        if (rounds_ == 1 || round < best_) best_ = round;
        return rounds_ >= 3 && since_better_ >= 2;
    }

  private:
    std::uint32_t rounds_ = 0;
    std::uint32_t since_better_ = 0;
    std::chrono::microseconds best_{};
};

/// What the warm-up of one target came to.
struct WarmUpReport {
    std::string address;
    std::uint64_t requests = 0;
    std::uint64_t answered = 0;         ///< With any status.
    std::uint64_t errors = 0;           ///< Answers with 5xx.
    std::uint32_t rounds = 0;           ///< Over all paths, with an answer to each.
    std::chrono::microseconds first{};  ///< The first round's time for a request, on average.
    std::chrono::microseconds last{};   ///< The last one's.
    bool settled = false;
    std::string failure;  ///< Why the last request without an answer had none.
};

/// Requests, over what its slot speaks, to every target at once, over and over the given paths,
/// until each one's latency has settled, or the limit. On the control thread's loop; a connection
/// for each target. run() once; await it before destruction.
class WarmUp {
  public:
    /// `host`: the Host field; empty: the target's address.
    WarmUp(boost::asio::any_io_executor executor,
           std::vector<std::shared_ptr<route::Target>> targets, std::string host,
           config::WarmUp options);

    boost::asio::awaitable<void> run();
    /// run() ends soon.
    void cancel();

    [[nodiscard]] const std::vector<WarmUpReport>& reports() const noexcept { return reports_; }
    /// At least one request had an answer.
    [[nodiscard]] bool answered() const;
    /// "10.0.0.3:80: 310 ms at first, 12 ms after 5 rounds; ..."
    [[nodiscard]] std::string summary() const;
    [[nodiscard]] boost::json::array to_json() const;

  private:
    class Connection;
    boost::asio::awaitable<void> warm(std::size_t index);
    boost::asio::awaitable<bool> round(std::size_t index, Connection& connection,
                                       std::chrono::microseconds& spent);

    boost::asio::any_io_executor executor_;
    std::vector<std::shared_ptr<route::Target>> targets_;
    std::string host_;
    config::WarmUp options_;
    Steady::time_point deadline_{};
    std::vector<WarmUpReport> reports_;
    bool cancelled_ = false;
    TaskGroup tasks_;
};

}  // namespace switchyard::control
