#include "route/canary.hpp"

#include "route/preview_signs.hpp"

#include <chrono>
#include <utility>

namespace switchyard::route {

Canary::Canary(const config::Canary& config, const CanaryRun* running,
               std::shared_ptr<observe::CanaryTraffic> of_service)
    : stick(config.stick),
      header(folded_field_name(config.header)),
      cookie(config.cookie),
      forward(config.forward),
      longest(std::chrono::floor<std::chrono::seconds>(config.max_age).count()),
      traffic(std::move(of_service)) {
    if (running == nullptr) return;
    share = running->share;
    run = running->run;
    counts = running->counts;
    for (const std::string& secret : config.secrets)
        keys.push_back(make_pass_key(secret));
    if (keys.empty()) keys.push_back(make_pass_key(running->secret));
}

}  // namespace switchyard::route
