#pragma once

#include "base/colour.hpp"
#include "config/config.hpp"
#include "observe/canary_counts.hpp"
#include "route/signature.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace switchyard::route {

/// A canary that runs, as it is made durable.
struct CanaryRun {
    std::uint32_t share = 0;  ///< Of kCanaryPoints; clients below it belong to the canary.
    std::uint64_t run = 0;    ///< The epoch that it began in: each one draws its clients anew.
    std::string secret;       ///< Its own, for services without configured ones.
    std::shared_ptr<observe::CanaryCounts> counts;  ///< Of the present comparison.
};

/// The part of a service's state that sends a share of the clients to the idle slot: what is
/// configured, and the canary that runs. Immutable.
struct Canary {
    /// `run` null: none does. Throws std::runtime_error if OpenSSL can't compute digests.
    Canary(const config::Canary& config, const CanaryRun* run,
           std::shared_ptr<observe::CanaryTraffic> of_service);

    [[nodiscard]] bool runs() const noexcept { return share != 0; }
    [[nodiscard]] bool by_cookie() const noexcept { return stick == config::Canary::Stick::cookie; }

    config::Canary::Stick stick;
    std::string header;  ///< Folded, see folded_field_name().
    std::string cookie;
    bool forward = false;
    std::int64_t longest = 0;   ///< Seconds that a cookie lasts.
    std::vector<PassKey> keys;  ///< The first one signs.

    std::uint32_t share = 0;
    std::uint64_t run = 0;
    std::shared_ptr<observe::CanaryCounts> counts;    ///< Set while one runs.
    std::shared_ptr<observe::CanaryTraffic> traffic;  ///< Outlives canaries.
};

}  // namespace switchyard::route
