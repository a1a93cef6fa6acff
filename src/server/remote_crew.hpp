#pragma once

#include "control/remote.hpp"
#include "control/wakeup.hpp"
#include "deploy/cancellation.hpp"
#include "deploy/job_thread.hpp"
#include "deploy/outcome.hpp"
#include "deploy/output_queue.hpp"
#include "deploy/remote_session.hpp"

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace switchyard::server {

class RemoteCrew;

/// A host of a job, or the machine itself, with its thread.
struct RemoteMember {
    /// On `host`; without one beside the daemon.
    RemoteMember(std::optional<config::DeployHost> host, const config::Ssh& ssh,
                 const std::shared_ptr<deploy::Cancellation>& cancel,
                 const deploy::Patience& limits);

    const std::string name;  ///< In outcomes and lines.
    const bool is_local;
    const std::shared_ptr<deploy::Cancellation> cancellation;
    const deploy::Patience patience;
    // Used on the thread only.
    std::optional<deploy::RemoteSession> session;
    std::optional<deploy::Outcome> failed;  ///< Why it could not be connected.
    bool started = false;
    deploy::JobThread thread;  ///< Last: it ends before the session goes.
};

/// What all jobs share. Control thread.
class RemoteHouse : public std::enable_shared_from_this<RemoteHouse> {
  public:
    RemoteHouse(boost::asio::any_io_executor on, const deploy::Patience& limits)
        : executor(std::move(on)), patience(limits), ended_(executor) {}

    void enter(const std::shared_ptr<RemoteCrew>& crew);
    /// Keeps a member whose job is gone until its thread has ended.
    void leave(std::unique_ptr<RemoteMember> member);
    /// Waits for the threads; blocks.
    void close();
    void cancel();
    boost::asio::awaitable<void> all_left(std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] std::size_t leaving() const noexcept { return leaving_.size(); }

    const boost::asio::any_io_executor executor;
    const deploy::Patience patience;

  private:
    void forget(const RemoteMember* member);

    std::list<std::weak_ptr<RemoteCrew>> crews_;
    std::list<std::unique_ptr<RemoteMember>> leaving_;
    control::Wakeup ended_;
    bool closed_ = false;
};

/// The members of one job, and what they print. Control thread.
class RemoteCrew : public std::enable_shared_from_this<RemoteCrew> {
  public:
    using Outcomes = std::vector<control::RemoteOutcome>;

    RemoteCrew(std::shared_ptr<RemoteHouse> house, control::RemoteRunner::OnOutput on_output);

    /// Before anything else, one of both.
    void enlist(std::vector<config::DeployHost> hosts, const config::Ssh& ssh);
    void enlist_local();

    static boost::asio::awaitable<Outcomes> connect(std::shared_ptr<RemoteCrew> crew);
    static boost::asio::awaitable<Outcomes> run(std::shared_ptr<RemoteCrew> crew,
                                                control::RemoteCommand command);
    void cancel() noexcept { cancellation_->request(); }
    /// The job is gone: no more output, no more tasks.
    void leave();

  private:
    struct Pending;
    using Task = std::function<deploy::Outcome(RemoteMember&)>;

    /// The task on the threads of the members from `first` to `last`; what they come back with.
    static boost::asio::awaitable<Outcomes> on_threads(std::shared_ptr<RemoteCrew> crew,
                                                       std::size_t first, std::size_t last,
                                                       Task task);
    void start(RemoteMember& member, std::size_t index, const Task& task,
               const std::shared_ptr<Pending>& pending);
    /// Passes lines on, a bounded number at a time with pauses between.
    void drain();
    void deliver(std::size_t most);

    const std::shared_ptr<RemoteHouse> house_;
    control::RemoteRunner::OnOutput on_output_;
    const std::shared_ptr<deploy::Cancellation> cancellation_;
    const std::shared_ptr<deploy::OutputQueue> queue_;
    boost::asio::steady_timer next_lines_;
    std::vector<std::unique_ptr<RemoteMember>> members_;
    bool left_ = false;
};

}  // namespace switchyard::server
