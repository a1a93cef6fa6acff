#pragma once

#include "config/config.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

/// What a deploy needs of the hosts it installs on. Called on the control thread, which awaitables
/// complete on and callbacks are called on; the work itself is done elsewhere.
namespace switchyard::control {

/// A line that a command printed, without its end.
struct RemoteOutput {
    std::string host;  ///< DeployHost::text; "local" for a local command.
    bool from_stderr = false;
    std::string line;  ///< UTF-8, control characters replaced, at most 4 KiB.
};

/// How one host came out of connecting, or of a command.
struct RemoteOutcome {
    enum class Kind : std::uint8_t {
        done,         ///< Logged in; or the command ended with 0.
        exit_status,  ///< The command ended with another status.
        signal,       ///< A signal ended it.
        timed_out,    ///< It took longer than allowed.
        cancelled,    ///< Somebody asked to stop, or another host failed first.
        unreachable,  ///< No connection, or no name.
        host_key,     ///< Unknown or changed host key.
        login,        ///< The key was not accepted, or could not be read.
        lost,         ///< The connection broke while the command ran.
    };
    std::string host;
    Kind kind = Kind::done;
    int exit_status = 0;
    std::string message;         ///< Why and what to do; empty when done.
    bool may_still_run = false;  ///< Whether the remote command could not be seen to end.

    [[nodiscard]] bool ok() const noexcept { return kind == Kind::done; }
};

struct RemoteCommand {
    std::string command;  ///< For a shell.
    std::vector<std::pair<std::string, std::string>> environment;
    std::chrono::milliseconds timeout{};  ///< On each host.
    bool one_by_one = false;              ///< The first failure ends it; otherwise all at once.
};

/// The hosts of one deploy, from connecting to leaving. Destroying it leaves them; what runs then
/// is cancelled first.
class RemoteJob {
  public:
    virtual ~RemoteJob() = default;
    /// Connects to every host, verifies its key and logs in. One outcome a host, in order. Nothing
    /// for a local job.
    virtual boost::asio::awaitable<std::vector<RemoteOutcome>> connect() = 0;
    /// Runs the command on every host that is connected. One outcome a host, in order.
    virtual boost::asio::awaitable<std::vector<RemoteOutcome>> run(RemoteCommand command) = 0;
    /// What is under way ends soon, as cancelled; whatever is asked later too.
    virtual void cancel() = 0;
};

class RemoteRunner {
  public:
    using OnOutput = std::function<void(const RemoteOutput&)>;
    virtual ~RemoteRunner() = default;
    /// A job on `hosts`; nothing is connected yet.
    virtual std::shared_ptr<RemoteJob> open(std::vector<config::DeployHost> hosts, config::Ssh ssh,
                                            OnOutput on_output) = 0;
    /// A job whose commands run beside the daemon, as its user.
    virtual std::shared_ptr<RemoteJob> open_local(OnOutput on_output) = 0;
};

}  // namespace switchyard::control
