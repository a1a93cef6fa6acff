#pragma once

#include "control/remote.hpp"
#include "house.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace switchyard::control::testing {

/// Hosts as a test wants them: each command does what the script says, or waits until the test lets
/// it go on.
class ScriptedRemote final : public RemoteRunner {
  public:
    /// What one call (connect, or run of a command) comes to.
    struct Act {
        RemoteOutcome::Kind kind = RemoteOutcome::Kind::done;
        std::string message{};
        std::vector<std::string> output{};
        bool hold = false;           ///< Until release(), or cancel().
        bool may_still_run = false;  ///< When cancelled.
        bool ignores_cancel = false;
    };
    /// A command that was run.
    struct Ran {
        std::string command;
        std::map<std::string, std::string> environment;
        std::vector<std::string> hosts;
        bool one_by_one = false;
    };

    explicit ScriptedRemote(boost::asio::any_io_executor executor) : wake_(executor) {}

    std::shared_ptr<RemoteJob> open(std::vector<config::DeployHost> hosts, config::Ssh,
                                    OnOutput on_output) override;
    std::shared_ptr<RemoteJob> open_local(OnOutput on_output) override;

    void release() {
        released = true;
        wake_.notify();
    }

    std::map<std::string, Act> acts;  ///< By command; "connect" for connecting.
    std::vector<Ran> ran;
    int cancels = 0;
    int waiting = 0;  ///< Calls that are held now.
    bool released = false;

  private:
    class Job;
    boost::asio::awaitable<std::vector<RemoteOutcome>> perform(std::shared_ptr<bool> cancelled,
                                                               std::vector<std::string> hosts,
                                                               std::string what,
                                                               OnOutput on_output);
    Wakeup wake_;
};

/// A house whose service "app" can be deployed: command "install" on one host a slot.
class DeployHouse : public House {
  public:
    explicit DeployHouse(config::Config a_config = make_config({deployable("app")}))
        : House(std::move(a_config)), hosts(context.get_executor()) {
        remote = &hosts;
        health.fresh = true;
        tuning.deploy.look_every = std::chrono::milliseconds(1);
        tuning.deploy.tell_every = std::chrono::milliseconds(5);
        tuning.deploy.slack = std::chrono::milliseconds(5'000);
        tuning.deploy.cancel_grace = std::chrono::milliseconds(5'000);
    }
    ~DeployHouse();

    [[nodiscard]] static config::Service deployable(const std::string& name);
    [[nodiscard]] static DeployRequest request(bool switch_after = false);

    /// Begins a deploy that must not be refused.
    std::shared_ptr<DeployJob> begin_deploy(DeployRequest request);
    /// Runs one to its end; its result.
    boost::json::object deploy(DeployRequest request);
    boost::json::object finish(const std::shared_ptr<DeployJob>& job);
    Refusal refused_deploy(DeployRequest request);
    /// Runs until a deploy is in the stage, and its work goes on.
    void until_stage(const std::shared_ptr<DeployJob>& job, DeployStage stage);
    /// The history's entry of the deploy.
    [[nodiscard]] state::HistoryEntry entry_of(const DeployJob& job);
    /// All lines that a reader who comes now is told, until the end.
    std::vector<boost::json::object> lines_of(const std::shared_ptr<DeployJob>& job);

    ScriptedRemote hosts;
};

}  // namespace switchyard::control::testing
