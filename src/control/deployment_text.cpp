// Names of what a deploy goes through, and what is said of one that a crash ended.
#include "control/deployment.hpp"

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

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

std::string_view to_string(Deployment::Stage::Outcome outcome) {
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

DeployRemains after_crash(std::optional<DeployStage> stage, bool committed, bool may_still_run,
                          Colour slot) {
    DeployRemains remains;
    remains.may_still_run = may_still_run;
    remains.outcome = "interrupted";
    const std::string_view name = to_string(slot);
    remains.detail = "The daemon ended unexpectedly";
    if (stage) remains.detail += fmt::format(" in the stage {}", to_string(*stage));
    remains.detail += ".";
    if (committed) {
        remains.detail += fmt::format(" The switch to {} is committed.", name);
        if (stage == DeployStage::switching || stage == DeployStage::drain) {
            remains.detail += " A hook after_switch was not run.";
        }
    } else {
        remains.detail += " The live slot was not touched.";
    }
    if (stage == DeployStage::run) {
        remains.may_still_run = true;
        remains.detail += fmt::format(
            " The command may still run on the hosts of {0}, and {0} may hold half of a release: "
            "deploy again.",
            name);
    } else if (stage == DeployStage::before_switch || stage == DeployStage::after_switch) {
        remains.may_still_run = true;
        remains.detail += fmt::format(" The hook {} may still run.", to_string(*stage));
    } else if (may_still_run) {
        remains.detail += " What it ran on the hosts was not seen to end, and may still run.";
    } else if (!committed) {
        remains.detail += " To deploy again is safe.";
    }
    return remains;
}

}  // namespace switchyard::control
