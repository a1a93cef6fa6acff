#include "remote_script.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace switchyard::control::testing {

namespace asio = boost::asio;
namespace json = boost::json;

class ScriptedRemote::Job final : public RemoteJob {
  public:
    Job(ScriptedRemote& remote, std::vector<std::string> hosts, OnOutput on_output)
        : remote_(remote), hosts_(std::move(hosts)), on_output_(std::move(on_output)) {}
    ~Job() override { *cancelled_ = true; }

    asio::awaitable<std::vector<RemoteOutcome>> connect() override {
        co_return co_await remote_.perform(cancelled_, hosts_, "connect", nullptr);
    }
    asio::awaitable<std::vector<RemoteOutcome>> run(RemoteCommand command) override {
        Ran ran;
        ran.command = command.command;
        ran.environment = {command.environment.begin(), command.environment.end()};
        ran.hosts = hosts_;
        ran.one_by_one = command.one_by_one;
        remote_.ran.push_back(std::move(ran));
        co_return co_await remote_.perform(cancelled_, hosts_, command.command, on_output_);
    }
    void cancel() override {
        ++remote_.cancels;
        *cancelled_ = true;
        remote_.wake_.notify();
    }

  private:
    ScriptedRemote& remote_;
    std::vector<std::string> hosts_;
    OnOutput on_output_;
    std::shared_ptr<bool> cancelled_ = std::make_shared<bool>(false);
};

asio::awaitable<std::vector<RemoteOutcome>> ScriptedRemote::perform(std::shared_ptr<bool> cancelled,
                                                                    std::vector<std::string> hosts,
                                                                    std::string what,
                                                                    OnOutput on_output) {
    const auto found = acts.find(what);
    const Act act = found == acts.end() ? Act{} : found->second;
    for (const std::string& host : hosts) {
        for (const std::string& line : act.output)
            on_output({host, false, line});
    }
    ++waiting;
    while (act.hold && !released && (!*cancelled || act.ignores_cancel))
        co_await wake_.wait();
    --waiting;
    std::vector<RemoteOutcome> outcomes;
    for (const std::string& host : hosts) {
        RemoteOutcome outcome;
        outcome.host = host;
        outcome.kind = act.kind;
        outcome.message = act.message;
        if (*cancelled) {
            outcome.kind = RemoteOutcome::Kind::cancelled;
            outcome.message = "cancelled";
            outcome.may_still_run = act.may_still_run;
        }
        outcomes.push_back(std::move(outcome));
    }
    co_return outcomes;
}

std::shared_ptr<RemoteJob> ScriptedRemote::open(std::vector<config::DeployHost> hosts, config::Ssh,
                                                OnOutput on_output) {
    std::vector<std::string> names;
    for (const config::DeployHost& host : hosts)
        names.push_back(host.text);
    return std::make_shared<Job>(*this, std::move(names), std::move(on_output));
}

std::shared_ptr<RemoteJob> ScriptedRemote::open_local(OnOutput on_output) {
    return std::make_shared<Job>(*this, std::vector<std::string>{"local"}, std::move(on_output));
}

config::Service DeployHouse::deployable(const std::string& name) {
    config::Service service = make_service(name);
    for (const Colour colour : kColours) {
        config::DeployHost host;
        host.text = "deploy@" + std::string(to_string(colour));
        service.slots[index_of(colour)]->deploy_to = {host};
    }
    config::Deploy deploy;
    deploy.command = "install";
    deploy.env = {{"STAGE", "production"}};
    deploy.healthy_within = std::chrono::milliseconds(5'000);
    service.deploy = deploy;
    return service;
}

DeployHouse::~DeployHouse() {
    hosts.release();
    disk->release();
    publisher.release();
    if (controller && started) run(controller->stop());
    started = false;  // Before the hosts go.
    controller.reset();
}

DeployRequest DeployHouse::request(bool switch_after) {
    DeployRequest request;
    request.caller = {1000, "anna"};
    request.service = "app";
    request.version = "v2";
    request.switch_after = switch_after;
    return request;
}

std::shared_ptr<DeployJob> DeployHouse::begin_deploy(DeployRequest request) {
    const auto job = controller->deploy(std::move(request));
    run_until([&] { return job->decided; });
    EXPECT_FALSE(job->refusal) << job->refusal->message;
    return job;
}

json::object DeployHouse::finish(const std::shared_ptr<DeployJob>& job) {
    run_until([&] { return job->over(); });
    return job->result;
}

json::object DeployHouse::deploy(DeployRequest request) {
    return finish(begin_deploy(std::move(request)));
}

Refusal DeployHouse::refused_deploy(DeployRequest request) {
    const auto job = controller->deploy(std::move(request));
    run_until([&] { return job->decided; });
    EXPECT_TRUE(job->refusal);
    return job->refusal.value_or(Refusal{});
}

void DeployHouse::until_stage(const std::shared_ptr<DeployJob>& job, DeployStage stage) {
    run_until([&] {
        return job->over() ||
               (job->machine.stage() == stage && job->machine.phase == Deployment::Phase::working);
    });
    ASSERT_FALSE(job->over()) << job->machine.message;
    for (int i = 0; i < 5; ++i)
        context.poll();
}

state::HistoryEntry DeployHouse::entry_of(const DeployJob& job) {
    return disk->entry(job.history_id);
}

std::vector<json::object> DeployHouse::lines_of(const std::shared_ptr<DeployJob>& job) {
    std::vector<json::object> lines;
    auto stream = std::make_shared<std::unique_ptr<LineSource>>(job->feed.follow());
    const auto read = [](std::shared_ptr<std::unique_ptr<LineSource>> source,
                         std::vector<json::object>& into) -> asio::awaitable<void> {
        while (const Line line = co_await (*source)->next())
            into.push_back(json::parse(*line).as_object());
    };
    run(read(stream, lines));
    return lines;
}

}  // namespace switchyard::control::testing
