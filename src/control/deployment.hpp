#pragma once

#include "base/colour.hpp"
#include "control/times.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// One deploy as a pure state machine: (state, event, now) -> (state, effects). It does nothing
/// itself: whoever drives it carries out the effects, and tells it by events what became of them.
/// So every order of events, failures and delays can be simulated. Steady clock.
///
///     lock > connect > run > healthy > warm_up > deployed
///                                              > before_switch > switch > drain > after_switch
///                                                > reserved_ip > switched
///
/// Each stage first becomes durable (`record`), then its work begins: what the history says after a
/// crash is never behind what was done. Until the switch is asked for, a failure or a cancellation
/// ends it with the live slot untouched; from then on the outcome of the switch is waited for, and
/// once that is committed nothing is taken back any more.
namespace switchyard::control {

enum class DeployStage : std::uint8_t {
    lock,     ///< Until nothing else changes the service, and the slot has no requests in flight.
    connect,  ///< To all hosts of the slot; their keys are verified.
    run,
    healthy,  ///< Every target, by checks that began after the command had ended.
    warm_up,
    before_switch,
    switching,  ///< "switch"
    drain,
    after_switch,
    reserved_ip,
};
inline constexpr std::size_t kDeployStages = 10;

[[nodiscard]] std::string_view to_string(DeployStage stage);
[[nodiscard]] std::optional<DeployStage> parse_deploy_stage(std::string_view text);

/// What is asked for. A stage that is not wanted is passed over without a trace.
struct DeployPlan {
    bool warm_up = false;
    bool switch_after = false;
    bool before_switch = false;
    bool after_switch = false;
    bool reserved_ip = false;
    /// By stage, from when its work begins; 0: none. The command's own limits are the runner's:
    /// these are the longer ones that catch a runner that does not come back. None for the switch:
    /// its outcome has to be known.
    std::array<std::chrono::milliseconds, kDeployStages> limits{};
    /// How long what was cancelled on the hosts may take to end.
    std::chrono::milliseconds cancel_grace{10'000};
};

/// What is in force right now; comes with every event.
struct RoutingFacts {
    Colour live = Colour::blue;
    std::uint64_t epoch = 0;
    bool idle_exists = false;  ///< The other slot is configured.
};

struct DeployEvent {
    enum class Kind : std::uint8_t {
        begin,
        locked,    ///< ok: the lock is ours.
        recorded,  ///< ok: the stage, or the end, is durable.
        slot_free,
        connected,
        command_ended,
        hook_ended,
        health,  ///< A look at the targets: ok: all are healthy; `checks_since` tells by which
                 ///< checks.
        warmed_up,
        switched,  ///< ok: committed as `epoch`; else refused.
        drained,
        ip_reported,
        cancel,  ///< Somebody asks to stop.
        stop,    ///< The daemon ends.
        tick,    ///< Time passed; see Deployment::deadline.
    };
    Kind kind = Kind::tick;
    bool ok = true;
    std::string message{};       ///< Why not ok, or a remark.
    bool may_still_run = false;  ///< Of connected, command_ended, hook_ended: not seen to end.
    Steady::time_point
        checks_since{};       ///< Of health: when the oldest of the checks that count began.
    std::uint64_t epoch = 0;  ///< Of switched. Somebody may have gone on since.
    RoutingFacts facts{};
};

enum class DeployEffect : std::uint8_t {
    take_lock,      ///< Then: locked.
    record,         ///< Make the state durable. Then: recorded.
    await_slot,     ///< Until no drain of the slot is left. Then: slot_free.
    connect,        ///< Then: connected.
    run_command,    ///< Then: command_ended.
    watch_health,   ///< Then: health, again and again, until stop_watching.
    warm_up,        ///< Then: warmed_up.
    run_before,     ///< The hook. Then: hook_ended.
    commit_switch,  ///< To the slot, if the epoch is still that of the state. Then: switched.
    follow_drain,   ///< Then: drained.
    run_after,      ///< The hook. Then: hook_ended.
    report_ip,      ///< Then: ip_reported.
    cancel_remote,  ///< What runs on the hosts has to end; its event comes all the same.
    stop_watching,  ///< Nobody waits for slot_free, health or warmed_up any more.
    tell_too_late,  ///< A cancellation came after the commit.
    release_lock,
    finished,  ///< The last one.
};

struct Deployment {
    enum class Status : std::uint8_t {
        running,
        deployed,
        switched,
        failed,
        cancelled,
        interrupted
    };
    /// What the stage is at.
    enum class Phase : std::uint8_t { recording, working, ending, finishing, over };
    struct Stage {
        enum class Outcome : std::uint8_t { running, done, failed, cancelled, skipped };
        DeployStage stage = DeployStage::lock;
        Steady::time_point begun{};
        Steady::time_point ended{};
        Outcome outcome = Outcome::running;
        std::string message;
    };

    explicit Deployment(DeployPlan a_plan) : plan(a_plan) {}

    DeployPlan plan;
    Status status = Status::running;
    Phase phase = Phase::working;
    std::vector<Stage> stages;  ///< Those that began, in order.
    std::string message;        ///< Why it failed or ended early; or remarks. One line.

    Colour slot = Colour::blue;  ///< Valid once locked.
    std::uint64_t epoch =
        0;  ///< In force when it was locked; after the commit, that of the switch.
    bool locked = false;
    bool recorded = false;          ///< The history has an entry.
    bool slot_touched = false;      ///< The command was, or may have been, started.
    bool release_complete = false;  ///< It succeeded, and the slot was healthy after it.
    bool switch_asked = false;
    bool committed = false;
    bool drained_clean = true;    ///< Of a committed one.
    bool may_still_run = false;   ///< Something on a host could not be seen to end.
    bool cancel_late = false;     ///< A cancellation came while or after the switch was written.
    bool stopping = false;        ///< The daemon ends.
    std::string last_look;        ///< Why the targets are not healthy.
    bool write_failed = false;    ///< A stage could not be made durable, which ended it.
    bool history_written = true;  ///< False: the end could not be made durable.
    Steady::time_point command_ended{};
    std::optional<Steady::time_point> deadline;  ///< A tick is due then.
    Status pending = Status::failed;             ///< Phase ending: how it will have ended.

    [[nodiscard]] DeployStage stage() const { return stages.back().stage; }
    [[nodiscard]] bool over() const noexcept { return phase == Phase::over; }
};

[[nodiscard]] std::string_view to_string(Deployment::Status status);
[[nodiscard]] std::string_view to_string(Deployment::Stage::Outcome outcome);
[[nodiscard]] std::optional<Deployment::Stage::Outcome> parse_stage_outcome(std::string_view text);

struct DeployStep {
    Deployment state;
    std::vector<DeployEffect> effects;  ///< In this order.
};

/// Events that come too late for their stage change nothing.
[[nodiscard]] DeployStep advance(Deployment state, const DeployEvent& event,
                                 Steady::time_point now);

/// What a crash made of a deploy: what its history entry has to say after the next start.
struct DeployRemains {
    std::string outcome;  ///< "interrupted"
    std::string detail;
    bool may_still_run = false;
};

/// What was durable of it, the last time that something was.
struct DeployTrace {
    std::optional<DeployStage> stage{};
    Colour slot = Colour::blue;
    bool committed = false;  ///< The history has its switch.
    bool may_still_run = false;
    /// Whether it has a hook after_switch; none: an earlier version did not write that down.
    std::optional<bool> hook{};
    /// Of the stage after_switch; none: it was not come to.
    std::optional<Deployment::Stage::Outcome> hook_outcome{};
    std::string hook_message{};
};

[[nodiscard]] DeployRemains after_crash(const DeployTrace& trace);

}  // namespace switchyard::control
