#include "house.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace switchyard::control::testing {

namespace asio = boost::asio;
namespace json = boost::json;

void Journal::add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
}

std::vector<std::string> Journal::lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
}

bool Journal::has(const std::string& line) const {
    const std::lock_guard lock(mutex_);
    return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
}

namespace {

class MemoryStore final : public state::Store {
  public:
    MemoryStore(std::shared_ptr<Disk> disk, std::shared_ptr<Journal> journal)
        : disk_(std::move(disk)), journal_(std::move(journal)) {}

    Result<std::map<std::string, state::ServiceRecord>> services() override {
        const std::lock_guard lock(disk_->mutex);
        if (disk_->fail_services) return Error("the disk is gone");
        return disk_->records;
    }
    Result<std::int64_t> commit(const std::string& service, const state::ServiceRecord& record,
                                const state::HistoryEntry& entry) override {
        return commit_all({{service, record}}, entry);
    }
    Result<std::int64_t> commit_all(const std::map<std::string, state::ServiceRecord>& records,
                                    const state::HistoryEntry& entry) override {
        std::unique_lock lock(disk_->mutex);
        ++disk_->commits_waiting;
        disk_->changed.wait(lock, [&] { return !disk_->hold_commit; });
        --disk_->commits_waiting;
        if (disk_->fail_commit) {
            journal_->add("commit failed");
            return Error("no space left on device");
        }
        for (const auto& [name, record] : records) {
            const auto releases = disk_->records[name].releases;
            disk_->records[name] = record;
            disk_->records[name].releases = releases;  // progress() alone writes them
        }
        journal_->add("commit");
        return add(entry);
    }
    Result<std::int64_t> append(const state::HistoryEntry& entry) override {
        const std::lock_guard lock(disk_->mutex);
        if (disk_->fail_append) return Error("no space left on device");
        return add(entry);
    }
    Result<void> finish(std::int64_t id, const std::string& outcome, const std::string& detail,
                        const std::string& receipt) override {
        const std::lock_guard lock(disk_->mutex);
        if (disk_->fail_finish) return Error("no space left on device");
        state::HistoryEntry& entry = disk_->history.at(static_cast<std::size_t>(id - 1));
        entry.outcome = outcome;
        entry.detail = detail;
        entry.receipt = receipt;
        return {};
    }
    Result<void> progress(std::int64_t id, const std::string& outcome, const std::string& detail,
                          const std::string& receipt, const state::SlotRelease& holds) override {
        {
            const std::lock_guard lock(disk_->mutex);
            if (disk_->fail_progress) return Error("no space left on device");
            disk_->records[holds.service].releases[index_of(holds.slot)] = holds.release;
        }
        return finish(id, outcome, detail, receipt);
    }
    Result<std::vector<state::HistoryEntry>> unfinished() override {
        const std::lock_guard lock(disk_->mutex);
        std::vector<state::HistoryEntry> found;
        for (const state::HistoryEntry& entry : disk_->history) {
            if (entry.outcome == "running") found.push_back(entry);
        }
        return found;
    }
    Result<std::vector<state::HistoryEntry>> history(const std::string& service,
                                                     std::size_t limit) override {
        const std::lock_guard lock(disk_->mutex);
        std::vector<state::HistoryEntry> found;
        for (auto entry = disk_->history.rbegin(); entry != disk_->history.rend(); ++entry) {
            if (found.size() == limit) break;
            if (service.empty() || entry->service == service) found.push_back(*entry);
        }
        return found;
    }

  private:
    std::int64_t add(state::HistoryEntry entry) {
        entry.id = static_cast<std::int64_t>(disk_->history.size()) + 1;
        disk_->history.push_back(entry);
        return entry.id;
    }

    std::shared_ptr<Disk> disk_;
    std::shared_ptr<Journal> journal_;
};

}  // namespace

std::unique_ptr<state::Store> make_store(std::shared_ptr<Disk> disk,
                                         std::shared_ptr<Journal> journal) {
    return std::make_unique<MemoryStore>(std::move(disk), std::move(journal));
}

asio::awaitable<PublishResult> FakePublisher::publish(
    std::shared_ptr<const route::Snapshot> snapshot) {
    current = std::move(snapshot);
    journal_->add("publish");
    while (hold)
        co_await wake_.wait();
    journal_->add("acknowledged");
    co_return PublishResult{stuck};
}

asio::awaitable<void> FakePublisher::close_tunnels(std::shared_ptr<route::Ledger>, double share) {
    shares.push_back(share);
    co_return;
}

asio::awaitable<void> FakePublisher::cut(std::shared_ptr<route::Ledger> ledger,
                                         route::Tunnels tunnels) {
    ++cuts;
    journal_->add("cut");
    if (!cut_works) co_return;
    for (std::size_t worker = 0; worker < workers(); ++worker) {
        route::Ledger::Cell& cell = ledger->cell(worker);
        std::uint64_t ended = cell.moved.get();
        for (const auto& count : cell.left)
            ended += count.get();
        std::uint64_t open = cell.tunnels.get() - cell.tunnels_ended.get();
        std::uint64_t spared = tunnels == route::Tunnels::spared ? open : 0;
        for (; ended + spared < cell.entered.get(); ++ended) {
            if (spared == 0 && open != 0) {
                cell.end_tunnel(false, true);
                --open;
            }
            cell.leave(observe::Outcome::cut);
        }
    }
}

std::shared_ptr<route::Ledger> FakePublisher::enter(const std::string& service,
                                                    std::size_t worker) {
    for (const auto& state : current->services) {
        if (state->name() != service) continue;
        const std::shared_ptr<route::Ledger> ledger = state->live_slot().ledger;
        ledger->cell(worker).enter(steady_now_ns());
        return ledger;
    }
    return nullptr;
}

void ManualHealth::watch(
    const std::vector<std::pair<std::shared_ptr<route::Target>,
                                std::shared_ptr<const config::Service>>>& targets) {
    targets_.clear();
    for (const auto& entry : targets)
        targets_.push_back(entry.first);
}

TargetReport ManualHealth::report(const route::Target& target) const {
    const auto found = reports_.find(target.address());
    TargetReport report;
    report.health = otherwise;
    report.since = Wall::now();
    if (found != reports_.end()) report = found->second;
    if (fresh) {
        report.checked_at = Wall::now();
        report.began = Steady::now();
        report.passed = report.health == route::Health::healthy;
    }
    return report;
}

void ManualHealth::set(const std::string& address, route::Health health, std::string error) {
    TargetReport& report = reports_[address];
    report.health = health;
    report.since = Wall::now();
    report.checked_at = Wall::now();
    report.began = Steady::now();
    report.passed = health == route::Health::healthy;
    report.error = std::move(error);
    const route::Target* changed = target(address);
    if (changed != nullptr && callback_) callback_(*changed, report);
}

std::set<std::string> ManualHealth::watched() const {
    std::set<std::string> addresses;
    for (const auto& target : targets_)
        addresses.insert(target->address());
    return addresses;
}

const route::Target* ManualHealth::target(const std::string& address) const {
    for (const auto& target : targets_) {
        if (target->address() == address) return target.get();
    }
    return nullptr;
}

config::Target make_target(const std::string& address) {
    config::Target target;
    target.address = address;
    target.host = address.substr(0, address.find(':'));
    target.port = 1;
    return target;
}

config::Service make_service(const std::string& name) {
    config::Service service;
    service.name = name;
    service.hosts = {name + ".example"};
    service.health_check.timeout = std::chrono::milliseconds(20);
    for (const Colour colour : kColours) {
        config::Slot slot;
        slot.name = std::string(to_string(colour)) + "-production";
        slot.targets = {make_target(std::string(to_string(colour)) + ":1")};
        service.slots[index_of(colour)] = slot;
    }
    return service;
}

config::Config make_config(std::vector<config::Service> services) {
    config::Config config;
    config.file = "/etc/test.yaml";
    config.state = "/var/test.db";
    config.admin.socket = "/run/test.sock";
    config.services = std::move(services);
    return config;
}

House::House(config::Config a_config)
    : publisher(context.get_executor(), journal),
      reload(journal),
      config(std::make_shared<const config::Config>(std::move(a_config))) {
    tuning.health_slack = std::chrono::milliseconds(20);
    tuning.tick = std::chrono::milliseconds(5);
    tuning.drain.first_poll = std::chrono::milliseconds(1);
    tuning.drain.last_poll = std::chrono::milliseconds(1);
    tuning.drain.cut_grace = std::chrono::milliseconds(20);
    tuning.load = [this](const std::string&) { return next_load; };
}

House::~House() {
    disk->release();
    publisher.release();
    if (controller && started) run(controller->stop());
}

std::string House::open() {
    controller = std::make_unique<Controller>(context.get_executor(),
                                              Ports{publisher, health, reload, facts, &ip, remote},
                                              config, make_store(disk, journal), tuning);
    const auto snapshot = controller->prepare();
    if (!snapshot) return snapshot.error().message;
    publisher.current = *snapshot;
    const auto recorded = controller->record();
    return recorded ? std::string() : recorded.error().message;
}

void House::start() {
    ASSERT_EQ(open(), "");
    controller->start();
    started = true;
}

bool House::run_until(const std::function<bool()>& condition) {
    const auto deadline = Steady::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (Steady::now() > deadline) {
            ADD_FAILURE() << "what the test waits for did not happen";
            return false;
        }
        context.restart();
        context.run_one_for(std::chrono::milliseconds(5));
    }
    return true;
}

void House::run(asio::awaitable<void> task) {
    bool done = false;
    asio::co_spawn(context, std::move(task), [&](const std::exception_ptr& failure) {
        EXPECT_FALSE(failure);
        done = true;
    });
    run_until([&] { return done; });
}

std::vector<json::object> House::lines(ChangeTicket& ticket) {
    std::vector<json::object> found;
    while (const Line line = ticket.lines.take()) {
        found.push_back(json::parse(*line).as_object());
    }
    return found;
}

std::shared_ptr<ChangeTicket> House::begin(ChangeRequest request) {
    auto ticket = controller->change(std::move(request));
    run_until([&] { return ticket->is_decided(); });
    return ticket;
}

std::vector<json::object> House::change(ChangeRequest request) {
    const auto ticket = begin(std::move(request));
    EXPECT_FALSE(ticket->error) << ticket->error->message;
    run_until([&] { return ticket->lines.closed(); });
    return lines(*ticket);
}

Refusal House::refused(ChangeRequest request) {
    const auto ticket = begin(std::move(request));
    EXPECT_TRUE(ticket->error);
    return ticket->error.value_or(Refusal{});
}

ChangeRequest switch_to(Colour to) {
    ChangeRequest request;
    request.caller = {1000, "deploy"};
    request.service = "app";
    request.to = to;
    return request;
}

ChangeRequest rollback() {
    ChangeRequest request;
    request.caller = {1000, "deploy"};
    request.service = "app";
    request.rollback = true;
    return request;
}

std::string text(const json::object& object, std::string_view key) {
    return std::string(object.at(key).as_string());
}

std::int64_t number(const json::object& object, std::string_view key) {
    return object.at(key).to_number<std::int64_t>();
}

}  // namespace switchyard::control::testing
