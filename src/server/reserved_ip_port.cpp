#include "server/reserved_ip_port.hpp"

#include "base/log.hpp"
#include "cloud/http_client.hpp"
#include "cloud/token.hpp"
#include "server/reserved_ip_view.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/serialize.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::server {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

/// How much longer than a request a sync waits for its look.
constexpr std::chrono::seconds kSyncSlack{2};

const config::Service* followed_service(const config::Config& config) {
    if (!config.reserved_ip) return nullptr;
    for (const config::Service& service : config.services) {
        if (service.name == config.reserved_ip->follows) return &service;
    }
    return nullptr;
}

}  // namespace

std::vector<std::uint64_t> ReservedIpPort::droplets(const config::Config& config) {
    std::vector<std::uint64_t> ids;
    const config::Service* service = followed_service(config);
    if (service == nullptr) return ids;
    for (const auto& slot : service->slots) {
        if (slot && slot->droplet_id) ids.push_back(*slot->droplet_id);
    }
    return ids;
}

std::vector<std::string> ReservedIpPort::file_problems(const config::ReservedIp& config) {
    std::vector<std::string> problems;
    if (auto token = cloud::read_token(config.token_file); !token) {
        problems.push_back(token.error().message);
    }
    if (config.api.tls) {
        asio::io_context context(1);
        cloud::HttpClient client(context, config.api);
        if (auto trusted = client.trust(config.ca_file); !trusted) {
            problems.push_back(trusted.error().message);
        }
    }
    return problems;
}

void ReservedIpPort::configure(const config::Config& config) {
    std::erase_if(former_, [](const auto& each) { return !each->running(); });
    const config::ReservedIp* before = section();
    const bool same_ip =
        before && config.reserved_ip && before->address == config.reserved_ip->address;
    if (follower_ && !same_ip) {
        follower_->begin_stop();
        former_.push_back(std::move(follower_));
    }
    droplets_.clear();
    live_.reset();
    const config::Service* service = followed_service(config);
    if (service == nullptr) return;
    for (const Colour colour : kColours) {
        const auto& slot = service->slots[index_of(colour)];
        if (slot && slot->droplet_id) droplets_[colour] = *slot->droplet_id;
    }
    if (follower_) {
        if (!(*before == *config.reserved_ip)) {
            spdlog::info("reserved_ip_configured address={} service={}",
                         config.reserved_ip->address, log_value(config.reserved_ip->follows));
        }
        follower_->reconfigure(*config.reserved_ip, droplets(config));
        return;
    }
    for (const std::string& problem : file_problems(*config.reserved_ip)) {
        spdlog::error("reserved_ip_problem address={} problem={}", config.reserved_ip->address,
                      log_value(problem));
    }
    spdlog::info("reserved_ip_configured address={} service={}", config.reserved_ip->address,
                 log_value(config.reserved_ip->follows));
    follower_ = std::make_unique<cloud::Follower>(context_, *config.reserved_ip, droplets(config),
                                                  [this](const cloud::Note& note) { tell(note); });
}

void ReservedIpPort::follow(const std::string& service, Colour live, std::uint64_t epoch) {
    if (!follower_ || follower_->config().follows != service) return;
    const auto droplet = droplets_.find(live);
    if (droplet == droplets_.end()) return;  // validation excludes it
    live_ = live;
    follower_->want({droplet->second, epoch});
}

const config::ReservedIp* ReservedIpPort::section() const noexcept {
    return follower_ ? &follower_->config() : nullptr;
}

std::string ReservedIpPort::service() const {
    return follower_ ? follower_->config().follows : std::string();
}

std::string ReservedIpPort::status_json(const std::string& service) const {
    if (!follower_ || follower_->config().follows != service) return {};
    return json::serialize(reserved_ip_json(*follower_, live_));
}

bool ReservedIpPort::followed(std::uint64_t epoch) const {
    if (!follower_) return false;
    const cloud::Reconciler& reconciler = follower_->reconciler();
    return reconciler.settled() && reconciler.desired()->epoch >= epoch;
}

asio::awaitable<void> ReservedIpPort::sync() {
    if (!follower_) co_return;
    const auto limit = follower_->config().request_timeout + kSyncSlack;
    co_await follower_->sync(limit);
}

void ReservedIpPort::on_event(std::function<void(json::object)> callback) {
    on_event_ = std::move(callback);
}

std::optional<observe::ReservedIpGauge> ReservedIpPort::gauge() const {
    if (!follower_) return std::nullopt;
    return reserved_ip_gauge(*follower_);
}

void ReservedIpPort::tell(const cloud::Note& note) {
    const config::ReservedIp* config = section();
    if (config == nullptr) return;
    using Kind = cloud::Note::Kind;
    const std::string message = log_value(note.message);
    switch (note.kind) {
        case Kind::moving:
            spdlog::info("reserved_ip_moving address={} detail={}", config->address, message);
            break;
        case Kind::followed:
            spdlog::info("reserved_ip_followed address={} detail={}", config->address, message);
            break;
        case Kind::recovered:
            spdlog::info("reserved_ip_recovered address={} detail={}", config->address, message);
            break;
        case Kind::drift:
            spdlog::warn("reserved_ip_drift address={} detail={}", config->address, message);
            break;
        case Kind::slow:
            spdlog::warn("reserved_ip_slow address={} detail={}", config->address, message);
            break;
        case Kind::failed:
            spdlog::warn("reserved_ip_failed address={} error={}", config->address, message);
            break;
        case Kind::fight:
            spdlog::error("reserved_ip_fight address={} detail={}", config->address, message);
            break;
        case Kind::hidden:
            spdlog::error("reserved_ip_hidden address={} detail={}", config->address, message);
            break;
    }
    if (!on_event_) return;
    json::object event;
    event["event"] = "reserved_ip";
    event["service"] = config->follows;
    event["address"] = config->address;
    event["what"] = cloud::to_string(note.kind);
    event["state"] = cloud::to_string(follower_->reconciler().state());
    event["message"] = note.message;
    on_event_(std::move(event));
}

asio::awaitable<void> ReservedIpPort::stop() {
    for (const auto& each : former_)
        co_await each->stop();
    if (follower_) co_await follower_->stop();
}

}  // namespace switchyard::server
