#pragma once

#include "config/config.hpp"
#include "deploy/cancellation.hpp"
#include "deploy/outcome.hpp"

#include <memory>

namespace switchyard::deploy {

class Channel;
class Link;
class RunningCommand;

/// One host over SSH. Every call blocks until it is over, its time has passed, or somebody cancels;
/// never two at a time, and all of them on one thread. SIGPIPE is to be ignored in the process: the
/// library writes to connections that the other side may have closed.
class RemoteSession {
  public:
    RemoteSession(config::DeployHost host, config::Ssh ssh,
                  std::shared_ptr<const Cancellation> cancellation, Patience patience = {});
    /// Leaves the host.
    ~RemoteSession();
    RemoteSession(const RemoteSession&) = delete;
    RemoteSession& operator=(const RemoteSession&) = delete;

    /// Looks the name up, connects, verifies the host key and logs in, all within the time of the
    /// settings. Done at once when that holds already.
    [[nodiscard]] Outcome connect();

    /// Runs a command to its end; connects first where that is necessary, for a connection may have
    /// been lost since the last command. What is cancelled or takes too long is ended on the host,
    /// and the outcome says whether that could be seen.
    [[nodiscard]] Outcome run(const Command& command, const OnLine& on_line);

    /// Keeps the connection alive until `fd` becomes readable; may return earlier.
    void idle(int fd);

  private:
    [[nodiscard]] Outcome outcome_of(Fault fault) const;
    [[nodiscard]] Outcome follow(Channel& channel, RunningCommand& running, TimePoint deadline,
                                 milliseconds timeout);
    [[nodiscard]] Outcome end(Channel& channel, RunningCommand& running, const Fault& why,
                              milliseconds timeout);
    [[nodiscard]] bool end_group(Channel& channel, RunningCommand& running);

    const config::DeployHost host_;
    const config::Ssh ssh_;
    const std::shared_ptr<const Cancellation> cancellation_;
    const Patience patience_;
    std::unique_ptr<Link> link_;
};

}  // namespace switchyard::deploy
