#pragma once

#include "base/error.hpp"
#include "config/load.hpp"
#include "control/canary_request.hpp"
#include "control/catalog.hpp"
#include "control/change_guard.hpp"
#include "control/change_ticket.hpp"
#include "control/deploy_job.hpp"
#include "control/events.hpp"
#include "control/hold_job.hpp"
#include "control/last_records.hpp"
#include "control/ports.hpp"
#include "control/routing.hpp"
#include "control/service_entry.hpp"
#include "control/store_thread.hpp"
#include "control/task_group.hpp"
#include "observe/exposition.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

namespace switchyard::control {

/// What the controller uses of the rest of the house; all of it outlives the controller.
struct Ports {
    Publisher& publisher;
    HealthMonitor& monitor;
    ReloadTarget& reload;
    ProcessFacts& facts;
    ReservedIp* reserved_ip = nullptr;  ///< May be null.
    RemoteRunner* remote = nullptr;     ///< Null: nothing can be deployed.
};

/// Times that are no part of the configuration. Tests make them short.
struct ControllerTuning {
    std::chrono::milliseconds health_slack{1'000};  ///< On top of a check's timeout, for "unknown".
    std::chrono::milliseconds tick{1'000};          ///< Rates, and freeing of old states.
    std::chrono::milliseconds hold_progress{1'000};  ///< Between two lines of a hold's stream.
    DrainTiming drain;                               ///< Its timeout comes from the service.
    DeployTiming deploy;
    RecordTiming records;
    std::function<config::LoadResult(const std::string&)> load = config::load_file;
};

/// The only writer of routing state. Every change goes the same way: checked, durable (store),
/// visible (publisher), acknowledged; one change of a service at a time, and a reload alone. The
/// drain that follows belongs to the controller and to nobody's connection. Control thread only.
///
/// Order of calls: prepare, record, start, ..., stop (awaited), destruction.
class Controller {
  public:
    Controller(boost::asio::any_io_executor executor, Ports ports,
               std::shared_ptr<const config::Config> config, std::unique_ptr<state::Store> store,
               ControllerTuning tuning = {});
    ~Controller();
    Controller(const Controller&) = delete;
    Controller& operator=(const Controller&) = delete;

    /// Reads what was live and builds the first snapshot, which is not published. Blocks. A record
    /// whose live slot is not configured any more is an error, never a guess. Writes nothing.
    [[nodiscard]] Result<std::shared_ptr<const route::Snapshot>> prepare();
    /// Makes the first records of services that had none durable. Blocks. After everything else
    /// that can fail at the start: a failed one must not decide what is live.
    [[nodiscard]] Result<void> record();

    /// Begins to watch targets and to measure. The workers run with prepare()'s snapshot.
    void start();

    /// The daemon is about to end: refuses reloads from now on, because a listener must not open
    /// again, and deploys; those under way are ended, as long as they have not switched.
    void expect_stop();

    /// Refuses new commands, lets those that are being written end, ends drains as interrupted and
    /// event streams politely. The workers still run.
    boost::asio::awaitable<void> stop();

    /// Begins a switch or a rollback; the ticket tells what becomes of it.
    [[nodiscard]] std::shared_ptr<ChangeTicket> change(ChangeRequest request);
    /// Begins a deploy; await until_decided() for whether it was refused.
    [[nodiscard]] std::shared_ptr<DeployJob> deploy(DeployRequest request);
    /// The deploy of this service that is under way, or the last one since the start; or null.
    [[nodiscard]] std::shared_ptr<DeployJob> deploy_of(const std::string& service) const;
    /// Asks the deploy under way to end. A refusal: there is none, or it is too late.
    [[nodiscard]] std::optional<Refusal> cancel_deploy(const std::string& service, Caller caller);
    /// Begins a hold, or gives the one in force new time; the ticket's lines tell how it goes.
    [[nodiscard]] std::shared_ptr<ChangeTicket> hold(HoldRequest request);
    /// Ends the hold; completes when all who waited have gone on, with the event "released".
    boost::asio::awaitable<std::optional<Refusal>> release(std::string service, Caller caller,
                                                           boost::json::object& result);
    /// Begins or ends a canary, or changes its share. To make its slot live is change()'s.
    [[nodiscard]] std::shared_ptr<ChangeTicket> canary(CanaryRequest request);
    /// Begins or ends maintenance.
    [[nodiscard]] std::shared_ptr<ChangeTicket> maintenance(MaintenanceRequest request);
    /// Begins a reload of the configuration's file.
    [[nodiscard]] std::shared_ptr<ChangeTicket> reload(Caller caller);

    /// Newest first, with what the store has not taken yet.
    boost::asio::awaitable<Result<std::vector<state::HistoryEntry>>> history(std::string service,
                                                                             std::size_t limit);
    /// Ends of changes that are not durable yet, oldest first.
    [[nodiscard]] const std::list<UnwrittenRecord>& unwritten() const noexcept {
        return records_.waiting();
    }
    [[nodiscard]] EventHub& events() noexcept { return events_; }

    // What status and metrics look at.
    [[nodiscard]] const route::Snapshot& snapshot() const noexcept { return *routing_.current(); }
    [[nodiscard]] const Routing& routing() const noexcept { return routing_; }
    [[nodiscard]] const ServiceEntry& entry(const std::string& service) const {
        return entries_.at(service);
    }
    /// The change of this service, or the reload, that is being made right now.
    [[nodiscard]] std::optional<ChangeUnderWay> change_under_way(const std::string& service) const;
    [[nodiscard]] bool any_change_under_way() const;
    /// Oldest first.
    [[nodiscard]] const std::list<std::shared_ptr<DrainJob>>& drains() const noexcept {
        return drains_;
    }
    /// Drains that are over but for tunnels that may live on (C11), oldest first.
    [[nodiscard]] const std::list<std::shared_ptr<DrainJob>>& kept() const noexcept {
        return kept_;
    }
    [[nodiscard]] const HealthMonitor& monitor() const noexcept { return ports_.monitor; }
    [[nodiscard]] const ProcessFacts& facts() const noexcept { return ports_.facts; }
    /// null: it is not under maintenance.
    [[nodiscard]] boost::json::value maintenance_json(const std::string& service) const;
    /// null: the live slot serves.
    [[nodiscard]] boost::json::value failover_json(const std::string& service) const;
    /// null when no reserved IP follows the service.
    [[nodiscard]] boost::json::value reserved_ip(const std::string& service) const;
    /// null: there is none.
    [[nodiscard]] const ReservedIp* reserved_ip_port() const noexcept { return ports_.reserved_ip; }
    /// Until the reserved IP was seen to follow `epoch`, at most until `deadline`. True: it
    /// follows.
    boost::asio::awaitable<bool> reserved_ip_followed(std::uint64_t epoch,
                                                      Steady::time_point deadline);
    /// Has the reserved IP looked at now; completes when that was done.
    boost::asio::awaitable<void> sync_reserved_ip();
    [[nodiscard]] Wall::time_point started_at() const noexcept { return started_at_; }
    [[nodiscard]] Steady::time_point started_steady() const noexcept { return started_steady_; }
    [[nodiscard]] Wall::time_point config_loaded_at() const noexcept { return config_loaded_at_; }
    [[nodiscard]] bool last_reload_ok() const noexcept { return last_reload_ok_; }
    [[nodiscard]] std::size_t workers() const { return ports_.publisher.workers(); }
    [[nodiscard]] bool stopping() const noexcept { return stopping_; }
    /// The daemon ends, though requests may still finish.
    [[nodiscard]] bool ending() const noexcept { return ending_ || stopping_; }

  private:
    using State = std::shared_ptr<const route::ServiceState>;
    using Holding = std::shared_ptr<HoldJob>;
    struct Assessment;
    struct Survey;
    struct Commit;
    struct HoldOfChange;

    // controller_change.cpp
    /// Runs `work`; what it throws (a bug, or no memory left) becomes the ticket's refusal.
    boost::asio::awaitable<void> answered(boost::asio::awaitable<void> work,
                                          std::shared_ptr<ChangeTicket> ticket);
    boost::asio::awaitable<void> make_change(ChangeRequest request,
                                             std::shared_ptr<ChangeTicket> ticket);
    /// The second half of a change: from the gate to the end of the drain. Nothing speaks against
    /// it but health; `guard` is the service's lock, which is given back when it is acknowledged.
    boost::asio::awaitable<void> carry_out(ChangeRequest request, Assessment assessment,
                                           ChangeGuard guard, std::shared_ptr<ChangeTicket> ticket);
    /// `ours`: the lock of the service is held by whoever asks.
    [[nodiscard]] Assessment assess(const ChangeRequest& request, bool ours = false) const;
    [[nodiscard]] boost::json::object committed_json(const Commit& commit) const;
    [[nodiscard]] boost::json::array service_names() const;

    // controller_answers.cpp
    boost::asio::awaitable<void> make_plan(ChangeRequest request, Assessment assessment,
                                           std::shared_ptr<ChangeTicket> ticket);
    boost::asio::awaitable<void> refuse(ChangeRequest request, Assessment assessment,
                                        Refusal refusal, std::shared_ptr<ChangeTicket> ticket);

    // controller_health.cpp
    [[nodiscard]] Survey survey(const route::SlotState& slot, bool rollback) const;
    boost::asio::awaitable<std::optional<Refusal>> check_health(State state, Colour to,
                                                                bool rollback);
    [[nodiscard]] Refusal unhealthy_target(const route::ServiceState& state, Colour to,
                                           bool rollback) const;
    void on_health_change(const route::Target& target, const TargetReport& report);
    void watch_targets(const Routing::Services& services);
    /// Why requests to the live slot could go nowhere: all its targets are host names without an
    /// address. Empty: they can go somewhere.
    [[nodiscard]] std::string nowhere_to_go(const route::ServiceState& state) const;
    /// Addresses of targets, host names all of them, that nothing is known of.
    [[nodiscard]] std::vector<std::string> unresolved(const route::ServiceState& state) const;

    // controller_drain.cpp
    [[nodiscard]] std::shared_ptr<DrainJob> begin_drain(
        const std::string& service, Colour slot, std::uint64_t epoch,
        std::chrono::milliseconds timeout, const config::Service& config,
        std::vector<std::shared_ptr<route::Ledger>> ledgers);
    [[nodiscard]] std::vector<std::shared_ptr<route::Ledger>> undrained(const std::string& service,
                                                                        Colour slot) const;
    boost::asio::awaitable<void> run_drain(std::shared_ptr<DrainJob> job);
    boost::asio::awaitable<void> end_drain(std::shared_ptr<DrainJob> job, bool interrupted);
    boost::asio::awaitable<void> keep_tunnels(std::shared_ptr<DrainJob> job);
    /// The slot is needed: tunnels that were kept on it are closed, as in a drain.
    void let_tunnels_go(const std::string& service, Colour slot);
    void hold_drains(const std::string& service, Colour slot, bool held);
    void cancel_drains(const std::string& service, Colour slot);

    // controller_hold.cpp
    [[nodiscard]] std::shared_ptr<const route::Gate> gate_of(
        const route::ServiceState& state) const;
    [[nodiscard]] std::optional<Refusal> speaks_against_hold(
        const route::ServiceState& state,
        const std::optional<std::chrono::milliseconds>& max) const;
    boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
    /// Requests of both slots: what a migration has to wait for once the service is held. Tunnels
    /// may last for days, and are told apart.
    [[nodiscard]] std::uint64_t in_flight_of(const std::string& service) const;
    [[nodiscard]] std::uint64_t tunnels_of(const std::string& service) const;
    boost::asio::awaitable<void> make_hold(HoldRequest request,
                                           std::shared_ptr<ChangeTicket> ticket);
    boost::asio::awaitable<void> extend_hold(Holding job, HoldRequest request);
    /// Nothing speaks against it, and none is in force. When it completes, it is acknowledged.
    /// `switch_to`: what becomes live, if it belongs to a switch.
    boost::asio::awaitable<std::variant<Holding, Refusal>> begin_hold(
        HoldRequest request, std::optional<Colour> switch_to);
    boost::asio::awaitable<void> look_after_hold(Holding job);
    boost::asio::awaitable<void> watch_hold(Holding job);
    boost::asio::awaitable<void> let_go(Holding job);
    void end_of_hold(HoldJob& job);
    boost::asio::awaitable<void> hold_over(Holding job);
    void end_holds(HoldEnd how, const std::function<bool(const std::string&)>& concerns);
    boost::asio::awaitable<void> refused_hold(HoldRequest request, Refusal refusal,
                                              const route::ServiceState& state);

    // controller_maintenance.cpp
    static void close_gate(route::Gate& gate, const state::Maintenance& maintenance);
    boost::asio::awaitable<void> make_maintenance(MaintenanceRequest request,
                                                  std::shared_ptr<ChangeTicket> ticket);

    // controller_canary.cpp
    [[nodiscard]] State make_state(const std::shared_ptr<const config::Service>& service,
                                   const state::ServiceRecord& record, bool failover = false);
    void watch_canary(const std::string& service);
    void look_at_canaries();
    [[nodiscard]] Assessment assess_canary(const CanaryRequest& request) const;
    boost::asio::awaitable<void> run_canary(CanaryRequest request,
                                            std::shared_ptr<ChangeTicket> ticket);
    boost::asio::awaitable<void> make_canary(CanaryRequest request,
                                             std::shared_ptr<ChangeTicket> ticket);
    boost::asio::awaitable<void> plan_canary(CanaryRequest request, Assessment assessment,
                                             std::shared_ptr<ChangeTicket> ticket);
    boost::asio::awaitable<void> refuse_canary(CanaryRequest request, Assessment assessment,
                                               Refusal refusal,
                                               std::shared_ptr<ChangeTicket> ticket);
    [[nodiscard]] std::optional<std::string> canary_in_the_way(
        const config::Service& service, const state::ServiceRecord& record) const;

    // controller_failover.cpp
    using FailingOver = std::shared_ptr<FailoverJob>;
    boost::asio::awaitable<void> watch_failovers();
    boost::asio::awaitable<void> look_at_failover(std::string service);
    /// Why the idle slot must not serve now; empty: nothing speaks against it.
    [[nodiscard]] std::string bars_failover(const route::ServiceState& state) const;
    boost::asio::awaitable<void> begin_failover(State state);
    boost::asio::awaitable<void> end_failover(FailingOver job, std::string outcome);

    // controller_ejection.cpp
    /// Ejects targets that are too slow, and tells of those that were ejected or are back.
    void watch_ejections();

    // controller_ip.cpp
    void start_reserved_ip();
    void follow_all();
    void on_reserved_ip(boost::json::object event);
    // controller_deploy.cpp
    void stop_deploys();
    using Deploying = std::shared_ptr<DeployJob>;
    boost::asio::awaitable<void> run_deploy(Deploying job);
    boost::asio::awaitable<void> drive_deploy(Deploying job);
    boost::asio::awaitable<void> carry_out_effect(Deploying job, DeployEffect effect);
    [[nodiscard]] static ChangeUnderWay under_way(const DeployJob& job);
    [[nodiscard]] RoutingFacts routing_facts(const std::string& service) const;
    [[nodiscard]] Assessment assess_deploy(const DeployRequest& request,
                                           const DeployJob* own) const;
    void take_deploy_lock(const Deploying& job);
    void tell_stages(DeployJob& job);
    boost::asio::awaitable<void> end_deploy(Deploying job);
    void count_deploy(const DeployJob& job);
    boost::asio::awaitable<void> abandon_deploy(Deploying job, std::string failure);
    boost::asio::awaitable<void> refuse_deploy(Deploying job);

    // controller_deploy_record.cpp
    boost::asio::awaitable<void> record_deploy(Deploying job);
    [[nodiscard]] LastRecord record_of(const DeployJob& job) const;
    [[nodiscard]] Result<bool> was_switched_by(const state::HistoryEntry& deploy);
    [[nodiscard]] Result<void> record_interrupted();

    // controller_deploy_work.cpp: what effects start; each tells its outcome by an event
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> deploy_environment(
        const DeployJob& job) const;
    boost::asio::awaitable<void> await_slot(Deploying job, std::uint64_t watch);
    boost::asio::awaitable<void> connect_hosts(Deploying job);
    boost::asio::awaitable<void> run_deploy_command(Deploying job);
    boost::asio::awaitable<void> run_hook(Deploying job, config::Hook hook);
    boost::asio::awaitable<void> watch_health(Deploying job, std::uint64_t watch);
    boost::asio::awaitable<void> warm_slot(Deploying job, std::uint64_t watch);
    boost::asio::awaitable<void> switch_deployed(Deploying job,
                                                 std::shared_ptr<ChangeTicket> ticket);
    boost::asio::awaitable<void> follow_switch(Deploying job, std::shared_ptr<ChangeTicket> ticket);

    // controller_reload.cpp
    boost::asio::awaitable<void> run_reload(Caller caller, std::shared_ptr<ChangeTicket> ticket);
    boost::asio::awaitable<void> make_reload(Caller caller, std::shared_ptr<ChangeTicket> ticket);
    boost::asio::awaitable<void> refuse_reload(Caller caller, Refusal refusal,
                                               std::shared_ptr<ChangeTicket> ticket);

    // controller.cpp
    [[nodiscard]] Result<state::ServiceRecord> first_record(const config::Service& service,
                                                            const config::Config& config) const;
    boost::asio::awaitable<void> tick();
    void sample_rates();

    boost::asio::any_io_executor executor_;
    Ports ports_;
    ControllerTuning tuning_;
    std::shared_ptr<const config::Config> config_;
    Catalog catalog_;
    Routing routing_;
    EventHub events_;
    std::map<std::string, ServiceEntry> entries_;
    std::vector<std::string> unrecorded_;  ///< Services whose first record is not durable yet.
    std::vector<std::pair<std::string, std::string>>
        ended_canaries_;  ///< The same of canaries that could not go on, and why.
    std::list<std::shared_ptr<DrainJob>> drains_;
    std::list<std::shared_ptr<DrainJob>> kept_;
    std::uint64_t holds_ = 0;  ///< That ever began.
    struct ToldEjection {
        std::uint64_t number = 0;  ///< Of the last one that was told.
        bool away = false;         ///< Its end was not.
    };
    std::map<std::uint32_t, ToldEjection> told_ejections_;  ///< By target id.
    std::optional<ChangeUnderWay> reload_;
    Wakeup health_changed_;
    Wakeup ip_changed_;
    Wakeup drain_ended_;
    Wakeup stop_wanted_;
    std::shared_ptr<Controller*>
        alive_;  ///< Empty pointer inside: gone (for the monitor's callback).
    Wall::time_point started_at_ = Wall::now();
    Steady::time_point started_steady_ = Steady::now();
    Wall::time_point config_loaded_at_ = Wall::now();
    bool last_reload_ok_ = true;
    bool stopping_ = false;
    bool ending_ = false;  ///< Before stopping_, while requests may still finish.
    StoreThread store_;
    LastRecords records_;
    TaskGroup tasks_;
};

}  // namespace switchyard::control
