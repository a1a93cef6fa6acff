#include "cloud/token_check.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace switchyard::cloud {
namespace asio = boost::asio;

namespace {

void lacks(TokenReport& report, std::string scope) {
    auto& missing = report.missing;
    if (std::find(missing.begin(), missing.end(), scope) == missing.end()) {
        missing.push_back(std::move(scope));
    }
}

/// What a failed question about `scope` tells.
void judge(TokenReport& report, const Failure& failure, const std::string& scope) {
    using Kind = Failure::Kind;
    if (failure.kind == Kind::forbidden) {
        lacks(report, scope);
    } else if (failure.lasting()) {
        report.problems.push_back(failure.message);
    } else {
        report.untested.push_back(fmt::format("{}: {}", scope, failure.message));
    }
}

/// Nobody needs to be told three times that the token is wrong or nobody answers.
bool hopeless(const Failure& failure) {
    using Kind = Failure::Kind;
    return failure.kind == Kind::token || failure.kind == Kind::unauthorized ||
           failure.kind == Kind::network || failure.kind == Kind::rate_limited;
}

}  // namespace

asio::awaitable<TokenReport> check_token(std::shared_ptr<DigitalOcean> api,
                                         std::vector<std::uint64_t> droplets,
                                         std::optional<IpView> seen) {
    TokenReport report;
    std::string region;
    Answer<IpView> ip = seen.value_or(IpView());
    if (!seen) ip = co_await api->look();
    if (ip) {
        region = ip->region;
        if (!ip->holder_shown) lacks(report, "droplet:read");
    } else {
        judge(report, ip.error(), "reserved_ip:read");
        if (hopeless(ip.error())) co_return report;
    }
    for (const std::uint64_t id : droplets) {
        Answer<DropletView> droplet = co_await api->droplet(id);
        if (!droplet && droplet.error().kind == Failure::Kind::not_found) {
            report.problems.push_back(
                fmt::format("the account has no droplet {}: is the droplet_id right?", id));
        } else if (!droplet) {
            judge(report, droplet.error(), "droplet:read");
            if (hopeless(droplet.error())) co_return report;
        } else if (!region.empty() && !droplet->region.empty() && droplet->region != region) {
            report.problems.push_back(
                fmt::format("droplet {} is in {}, but the reserved IP in {}: it can't move there",
                            id, droplet->region, region));
        }
    }
    Answer<bool> reads = co_await api->may_read_actions();
    if (!reads) {
        judge(report, reads.error(), "actions:read");
        if (hopeless(reads.error())) co_return report;
    }
    Answer<bool> updates = co_await api->may_update();
    if (!updates) judge(report, updates.error(), "reserved_ip:update");
    co_return report;
}

}  // namespace switchyard::cloud
