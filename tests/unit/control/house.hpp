#pragma once

#include "control/controller.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>

/// The controller's surroundings as the tests want them: ports that record, delay and fail.
namespace switchyard::control::testing {

/// What happened in which order, from any thread.
class Journal {
  public:
    void add(std::string line);
    [[nodiscard]] std::vector<std::string> lines() const;
    [[nodiscard]] bool has(const std::string& line) const;

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

/// What a MemoryStore holds and how it behaves; outlives the store, as a disk does.
struct Disk {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, state::ServiceRecord> records;
    std::map<std::string, state::Maintenance> maintenance;
    std::vector<state::HistoryEntry> history;
    std::atomic<bool> fail_services = false;
    std::atomic<bool> fail_commit = false;
    std::atomic<bool> fail_append = false;
    std::atomic<bool> fail_progress = false;
    std::atomic<bool> fail_finish = false;
    std::atomic<bool> hold_commit = false;  ///< A commit waits until this is false.
    std::atomic<int> commits_waiting = 0;

    void release() {
        const std::lock_guard lock(mutex);
        hold_commit = false;
        changed.notify_all();
    }
    [[nodiscard]] state::HistoryEntry entry(std::int64_t id) {
        const std::lock_guard lock(mutex);
        return history.at(static_cast<std::size_t>(id - 1));
    }
    [[nodiscard]] std::size_t entries() {
        const std::lock_guard lock(mutex);
        return history.size();
    }
};

[[nodiscard]] std::unique_ptr<state::Store> make_store(std::shared_ptr<Disk> disk,
                                                       std::shared_ptr<Journal> journal);

/// Workers that do nothing but hold leases when told to.
class FakePublisher final : public Publisher {
  public:
    FakePublisher(boost::asio::any_io_executor executor, std::shared_ptr<Journal> journal)
        : wake_(executor), journal_(std::move(journal)) {}

    boost::asio::awaitable<PublishResult> publish(
        std::shared_ptr<const route::Snapshot> snapshot) override;
    boost::asio::awaitable<void> cut(std::shared_ptr<route::Ledger> ledger,
                                     route::Tunnels tunnels) override;
    boost::asio::awaitable<void> close_tunnels(std::shared_ptr<route::Ledger> ledger,
                                               double share) override;
    [[nodiscard]] std::size_t workers() const override { return 2; }

    /// A request is routed to the live slot; returns where it counts.
    std::shared_ptr<route::Ledger> enter(const std::string& service, std::size_t worker = 0);
    void leave(const std::shared_ptr<route::Ledger>& ledger, observe::Outcome outcome,
               std::size_t worker = 0) {
        ledger->cell(worker).leave(outcome);
    }
    /// Lets a held publication go on.
    void release() {
        hold = false;
        wake_.notify();
    }

    std::shared_ptr<const route::Snapshot> current;
    std::vector<std::size_t> stuck;
    bool hold = false;      ///< publish() waits after it stored the snapshot.
    bool cut_works = true;  ///< Else requests survive the cut.
    int cuts = 0;
    std::vector<double> shares;  ///< Of close_tunnels().

  private:
    Wakeup wake_;
    std::shared_ptr<Journal> journal_;
};

class ManualHealth final : public HealthMonitor {
  public:
    void watch(const std::vector<
               std::pair<std::shared_ptr<route::Target>, std::shared_ptr<const config::Service>>>&
                   targets) override;
    boost::asio::awaitable<void> resolved(std::chrono::milliseconds) override { co_return; }
    [[nodiscard]] TargetReport report(const route::Target& target) const override;
    void on_change(
        std::function<void(const route::Target&, const TargetReport&)> callback) override {
        callback_ = std::move(callback);
    }

    /// Sets the health of the target at `address` and tells the controller.
    void set(const std::string& address, route::Health health, std::string error = {});
    [[nodiscard]] std::set<std::string> watched() const;
    [[nodiscard]] const route::Target* target(const std::string& address) const;

    route::Health otherwise = route::Health::healthy;  ///< For targets that nobody set.
    /// Every look finds a check that has just been made; else only what set() told.
    bool fresh = false;

  private:
    std::vector<std::shared_ptr<route::Target>> targets_;
    std::map<std::string, TargetReport> reports_;
    std::function<void(const route::Target&, const TargetReport&)> callback_;
};

class FakeReload final : public ReloadTarget {
  public:
    explicit FakeReload(std::shared_ptr<Journal> journal) : journal_(std::move(journal)) {}
    Result<void> prepare(std::shared_ptr<const config::Config>) override {
        journal_->add("prepare");
        if (!failure.empty()) return Error(failure);
        return {};
    }
    boost::asio::awaitable<void> apply() override {
        journal_->add("apply");
        co_return;
    }
    void discard() override { journal_->add("discard"); }

    std::string failure;

  private:
    std::shared_ptr<Journal> journal_;
};

class FakeFacts final : public ProcessFacts {
  public:
    [[nodiscard]] std::vector<ListenerFact> listeners() const override {
        return {{"127.0.0.1:8080", false, false}};
    }
    [[nodiscard]] std::span<const observe::WorkerCell> workers() const override { return cells; }
    [[nodiscard]] std::uint64_t access_log_dropped() const override { return 3; }

    std::vector<observe::WorkerCell> cells = std::vector<observe::WorkerCell>(2);
};

class FakeReservedIp final : public ReservedIp {
  public:
    void configure(const config::Config&) override { ++configured; }
    void follow(const std::string& service, Colour live, std::uint64_t epoch) override {
        told.push_back(service + " " + std::string(to_string(live)) + " " + std::to_string(epoch));
    }
    [[nodiscard]] std::string status_json(const std::string&) const override {
        if (broken) throw std::runtime_error("broken");
        return R"({"state":"moving"})";
    }
    [[nodiscard]] std::string service() const override { return "app"; }
    [[nodiscard]] bool followed(std::uint64_t epoch) const override { return epoch <= reached; }
    boost::asio::awaitable<void> sync() override {
        ++synced;
        co_return;
    }
    void on_event(std::function<void(boost::json::object)> callback) override {
        tell = std::move(callback);
    }
    [[nodiscard]] std::optional<observe::ReservedIpGauge> gauge() const override {
        return std::nullopt;
    }
    std::vector<std::string> told;  ///< What follow() was called with.
    std::function<void(boost::json::object)> tell;
    std::uint64_t reached = 0;  ///< Newest epoch that the IP follows.
    bool broken = false;        ///< status_json() throws.
    int configured = 0;
    int synced = 0;
};

/// A service "app" with blue and green, one target each ("blue:1", "green:1").
[[nodiscard]] config::Service make_service(const std::string& name);
[[nodiscard]] config::Config make_config(std::vector<config::Service> services);
[[nodiscard]] config::Target make_target(const std::string& address);

/// A controller with its surroundings, on one io_context that the test runs.
class House {
  public:
    explicit House(config::Config config = make_config({make_service("app")}));
    ~House();

    /// Builds the controller and its first snapshot; the error if that fails.
    std::string open();
    /// open() and start(); fails the test when that does not work.
    void start();
    /// Runs the control thread until `condition`; false (and a test failure) after ten seconds.
    bool run_until(const std::function<bool()>& condition);
    /// Runs `task` to its end.
    void run(boost::asio::awaitable<void> task);

    /// The lines of a ticket as far as they came, one object each.
    std::vector<boost::json::object> lines(ChangeTicket& ticket);
    /// Runs a change until its stream ended (or it was refused), and gives its lines.
    std::vector<boost::json::object> change(ChangeRequest request);
    std::shared_ptr<ChangeTicket> begin(ChangeRequest request);
    /// Runs a change that must be refused, and gives the refusal.
    Refusal refused(ChangeRequest request);

    boost::asio::io_context context;
    std::shared_ptr<Journal> journal = std::make_shared<Journal>();
    std::shared_ptr<Disk> disk = std::make_shared<Disk>();
    FakePublisher publisher;
    ManualHealth health;
    FakeReload reload;
    FakeFacts facts;
    FakeReservedIp ip;
    std::shared_ptr<const config::Config> config;
    config::LoadResult next_load;  ///< What a reload reads.
    ControllerTuning tuning;
    RemoteRunner* remote = nullptr;
    std::unique_ptr<Controller> controller;
    bool started = false;
};

/// A switch of "app" to `to` by uid 1000, "deploy".
[[nodiscard]] ChangeRequest switch_to(Colour to);
[[nodiscard]] ChangeRequest rollback();
[[nodiscard]] std::string text(const boost::json::object& object, std::string_view key);
[[nodiscard]] std::int64_t number(const boost::json::object& object, std::string_view key);

}  // namespace switchyard::control::testing
