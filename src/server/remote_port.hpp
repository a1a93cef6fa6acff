#pragma once

#include "control/remote.hpp"
#include "deploy/outcome.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

namespace switchyard::server {

class RemoteHouse;

/// deploy's sessions and local commands as the controller's port: a thread for each host of a job
/// and for each local job, whose outcomes and lines come back to the control thread. A host that
/// prints faster than 25,000 lines a second loses the oldest ones, and is told how many.
///
/// A job that is destroyed leaves its hosts in the background: what runs there is cancelled and
/// ended first, which may take some seconds. Control thread; the io_context outlives it, and the
/// jobs too.
class RemotePort final : public control::RemoteRunner {
  public:
    explicit RemotePort(boost::asio::any_io_executor executor, deploy::Patience patience = {});
    /// Waits for the threads of jobs that are gone; await close() first so as not to block.
    ~RemotePort() override;
    RemotePort(const RemotePort&) = delete;
    RemotePort& operator=(const RemotePort&) = delete;

    std::shared_ptr<control::RemoteJob> open(std::vector<config::DeployHost> hosts, config::Ssh ssh,
                                             OnOutput on_output) override;
    std::shared_ptr<control::RemoteJob> open_local(OnOutput on_output) override;

    /// Cancels every job, and completes when the threads of those that are gone have ended, at the
    /// latest after `limit`: one may be stuck in a disk (see leaving()).
    boost::asio::awaitable<void> close(std::chrono::milliseconds limit);

    /// Threads of jobs that are gone, which have not ended yet.
    [[nodiscard]] std::size_t leaving() const noexcept;

  private:
    std::shared_ptr<RemoteHouse> house_;
};

}  // namespace switchyard::server
