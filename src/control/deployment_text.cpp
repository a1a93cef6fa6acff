// Names of what a deploy goes through, and what is said of one that a crash ended.
#include "control/deployment.hpp"

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

using Outcome = Deployment::Stage::Outcome;

namespace {

constexpr std::array<std::string_view, kDeployStages> kStages{
    "lock",          "connect", "run",   "healthy",      "warm_up",
    "before_switch", "switch",  "drain", "after_switch", "reserved_ip"};

}  // namespace

std::string_view to_string(DeployStage stage) {
    return kStages[static_cast<std::size_t>(stage)];
}

std::optional<DeployStage> parse_deploy_stage(std::string_view text) {
    for (std::size_t i = 0; i < kStages.size(); ++i) {
        if (kStages[i] == text) return static_cast<DeployStage>(i);
    }
    return std::nullopt;
}

std::string_view to_string(Deployment::Status status) {
    switch (status) {
        case Deployment::Status::running:
            return "running";
        case Deployment::Status::deployed:
            return "deployed";
        case Deployment::Status::switched:
            return "switched";
        case Deployment::Status::failed:
            return "failed";
        case Deployment::Status::cancelled:
            return "cancelled";
        case Deployment::Status::interrupted:
            return "interrupted";
    }
    return "running";
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Deployment::Stage::Outcome::running:
            return "running";
        case Deployment::Stage::Outcome::done:
            return "done";
        case Deployment::Stage::Outcome::failed:
            return "failed";
        case Deployment::Stage::Outcome::cancelled:
            return "cancelled";
        case Deployment::Stage::Outcome::skipped:
            return "skipped";
    }
    return "running";
}

std::optional<Deployment::Stage::Outcome> parse_stage_outcome(std::string_view text) {
    for (const Outcome outcome :
         {Outcome::running, Outcome::done, Outcome::failed, Outcome::cancelled, Outcome::skipped}) {
        if (to_string(outcome) == text) return outcome;
    }
    return std::nullopt;
}

namespace {

/// Whether the hook after_switch of a committed one was run, as far as anybody can know.
std::string fate_of_hook(const DeployTrace& trace) {
    if (trace.hook == false) return "";
    // Its stage becomes durable before it is started.
    Outcome outcome = trace.hook_outcome.value_or(Outcome::skipped);
    if (trace.stage == DeployStage::after_switch && !trace.hook_outcome) outcome = Outcome::running;
    switch (outcome) {
        case Outcome::running:
            return " The hook after_switch was about to be started, or had been: it may have run, "
                   "in part or to its end, and may still run.";
        case Outcome::done:
            return " The hook after_switch had run, and succeeded.";
        case Outcome::failed:
        case Outcome::cancelled:
            return " The hook after_switch had failed" +
                   (trace.hook_message.empty() ? "." : ": " + trace.hook_message);
        case Outcome::skipped:
            break;
    }
    if (!trace.hook_message.empty()) return " " + trace.hook_message;
    return trace.hook ? " The hook after_switch was not run." : " A hook after_switch was not run.";
}

}  // namespace

DeployRemains after_crash(const DeployTrace& trace) {
    DeployRemains remains;
    remains.may_still_run = trace.may_still_run;
    remains.outcome = "interrupted";
    const std::string_view name = to_string(trace.slot);
    remains.detail = "The daemon ended unexpectedly";
    if (trace.stage) remains.detail += fmt::format(" in the stage {}", to_string(*trace.stage));
    remains.detail += ".";
    if (trace.committed) {
        remains.detail += fmt::format(" The switch to {} is committed.", name);
        remains.detail += fate_of_hook(trace);
    } else {
        remains.detail += " The live slot was not touched.";
    }
    if (trace.stage == DeployStage::run) {
        remains.may_still_run = true;
        remains.detail += fmt::format(
            " The command may still run on the hosts of {0}, and {0} may hold half of a release: "
            "deploy again.",
            name);
    } else if (trace.stage == DeployStage::before_switch) {
        remains.may_still_run = true;
        remains.detail +=
            " The hook before_switch may have run, in part or to its end, and may still run.";
    } else if (trace.stage == DeployStage::after_switch) {
        remains.may_still_run = true;
    } else if (trace.may_still_run) {
        remains.detail += " What it ran on the hosts was not seen to end, and may still run.";
    } else if (!trace.committed) {
        remains.detail += " To deploy again is safe.";
    }
    return remains;
}

}  // namespace switchyard::control
