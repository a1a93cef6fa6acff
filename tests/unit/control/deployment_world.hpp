#pragma once

#include "control/deployment.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

/// A service as a deploy meets it, in virtual time: hosts, targets, a lock, a disk, other people,
/// and a daemon that may end at any instant. Everything follows from the seed.
namespace switchyard::control::testing {

class DeploymentWorld {
  public:
    explicit DeploymentWorld(std::uint64_t seed, bool trace = false);

    /// Something happens. False: an invariant does not hold; see violation().
    bool step();

    [[nodiscard]] const std::string& violation() const noexcept { return violation_; }
    [[nodiscard]] const std::vector<std::string>& trace() const noexcept { return trace_; }
    /// How often each end was reached, and each stage was when the daemon crashed.
    [[nodiscard]] const std::map<std::string, std::uint64_t>& seen() const noexcept {
        return seen_;
    }

  private:
    using Time = Steady::time_point;
    using Effect = DeployEffect;
    using Kind = DeployEvent::Kind;

    /// What a slot holds, by the durable record.
    struct Release {
        std::uint64_t deploy = 0;
        bool complete = true;
        bool operator==(const Release&) const = default;
    };
    /// A line of the history.
    struct Entry {
        std::string outcome;
        DeployStage stage = DeployStage::lock;
        bool may_still_run = false;
        Colour slot{};
        bool hook = false;
        std::optional<Deployment::Stage::Outcome> hook_outcome{};
        std::string hook_message{};
    };
    struct Write {
        std::uint64_t deploy = 0;
        Entry entry;
        bool holds_changed = false;
        Release holds;
    };
    /// A command or a hook on the hosts; outlives the daemon.
    struct Process {
        std::uint64_t deploy = 0;
        DeployStage stage{};
        bool alive = true;
    };
    /// A deploy of the daemon that runs now, and what really became of it.
    struct Job {
        std::uint64_t id = 0;
        Deployment machine;
        bool watching = false;
        bool cancel_asked = false;
        bool cancelled_in_time = false;  ///< Delivered before the switch was asked for.
        bool stop_asked = false;
        bool command_started = false;
        bool command_ok = false;
        Time command_ended{};
        bool seen_healthy = false;  ///< A look by checks from after the command was delivered.
        bool hook_ok = false;
        bool committed = false;
        std::uint64_t committed_epoch = 0;
        bool write_failed = false;
        std::size_t writes = 0;
        Release before{};  ///< What the slot held when it was locked.
    };
    struct Pending {
        Time due{};
        std::uint64_t order = 0;
        std::uint64_t deploy = 0;
        DeployEvent event;
        std::optional<Write> write;  ///< Applied when it is due, or by a crash before it.
        bool commit = false;         ///< The switch itself is made when it is due.
    };

    bool chance(unsigned in_thousand) { return random_() % 1000 < in_thousand; }
    std::chrono::milliseconds some_time();
    void check(bool holds, const char* what);
    void note(const std::string& text) {
        if (tracing_) trace_.push_back(text);
    }

    Job* find(std::uint64_t id);
    [[nodiscard]] RoutingFacts facts() const { return {live_, epoch_, true}; }
    [[nodiscard]] bool alive(std::uint64_t deploy) const;
    Process* process_of(const Job& job);

    void begin_deploy();
    void others_switch();
    void crash();
    void stop();
    void recover();
    void deliver();
    void pass_time();
    void feed(std::uint64_t id, DeployEvent event);
    void carry_out(Job& job, Effect effect);
    void later(const Job& job, Kind kind, bool ok, bool may_never_come = false);
    void start_process(Job& job, DeployStage stage);
    void end_process(Pending& pending);
    void cancel_remote(Job& job);
    void write(Job& job);
    void apply(const Write& write);
    void commit(Pending& pending);
    void finished(Job& job);
    void look_at_targets();

    std::mt19937_64 random_;
    bool tracing_;
    bool leaky_;  ///< Somebody may switch although the service is locked.
    std::string violation_;
    std::vector<std::string> trace_;
    std::map<std::string, std::uint64_t> seen_;

    // Durable.
    Colour live_ = Colour::blue;
    std::uint64_t epoch_ = 1;
    std::map<std::uint64_t, Entry> history_;
    std::map<std::uint64_t, std::uint64_t> committed_by_;  ///< Deploy -> epoch.
    std::map<std::uint64_t, bool> started_by_;             ///< Deploy -> its command was started.
    std::set<std::uint64_t> hooks_run_;  ///< Deploys whose after_switch was started.
    Release holds_[2];
    std::vector<Process> processes_;

    // Of the daemon's life.
    Time now_{};
    std::uint64_t next_deploy_ = 1;
    std::uint64_t next_order_ = 1;
    std::uint64_t lock_ = 0;  ///< The deploy that holds it; 0: free.
    bool stopping_ = false;
    bool healthy_[2] = {true, true};
    std::vector<Job> jobs_;
    std::vector<Pending> pending_;
};

}  // namespace switchyard::control::testing
