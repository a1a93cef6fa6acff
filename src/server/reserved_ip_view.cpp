#include "server/reserved_ip_view.hpp"

#include "control/times.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <boost/json/array.hpp>

namespace switchyard::server {
namespace json = boost::json;
using cloud::Steady;

namespace {

control::Wall::time_point wall(Steady::time_point time) {
    return control::wall_of_steady(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count()));
}

json::value id_or_null(const std::optional<std::uint64_t>& id) {
    if (!id) return nullptr;
    return json::value(*id);
}

json::array strings(const std::vector<std::string>& texts) {
    json::array array;
    for (const std::string& text : texts)
        array.emplace_back(text);
    return array;
}

json::value desired_json(const cloud::Reconciler& reconciler, std::optional<Colour> live) {
    if (!reconciler.desired()) return nullptr;
    json::object object;
    object["slot"] = nullptr;
    if (live) object["slot"] = to_string(*live);
    object["droplet_id"] = reconciler.desired()->droplet;
    object["epoch"] = reconciler.desired()->epoch;
    return object;
}

json::value observed_json(const cloud::Reconciler& reconciler) {
    const auto& observed = reconciler.observed();
    if (!observed) return nullptr;
    json::object object;
    object["droplet_id"] = id_or_null(observed->droplet);
    object["locked"] = observed->locked;
    object["region"] = observed->region;
    object["at"] = control::rfc3339(wall(reconciler.observed_at()));
    return object;
}

json::value error_json(const cloud::Reconciler& reconciler) {
    const auto& failure = reconciler.last_failure();
    if (!failure) return nullptr;
    json::object object;
    object["kind"] = cloud::to_string(failure->kind);
    object["status"] = failure->status;
    object["message"] = failure->message;
    object["at"] = control::rfc3339(wall(reconciler.failed_at()));
    object["over"] = !reconciler.failing();
    return object;
}

json::value token_json(const cloud::Follower& follower) {
    const auto& token = follower.token();
    if (!token) return nullptr;
    json::object object;
    object["missing_scopes"] = strings(token->missing);
    object["problems"] = strings(token->problems);
    object["untested"] = strings(token->untested);
    return object;
}

json::value metadata_json(const cloud::Follower& follower) {
    const auto& metadata = follower.metadata();
    if (!metadata) return nullptr;
    const auto& desired = follower.reconciler().desired();
    json::object object;
    object["droplet_id"] = metadata->droplet;
    object["active"] = metadata->active;
    object["anchor"] = metadata->anchor;
    object["error"] = metadata->error;
    // Only the droplet that should have the IP can confirm that it does.
    object["confirms"] = nullptr;
    if (metadata->error.empty() && desired && desired->droplet == metadata->droplet) {
        object["confirms"] = metadata->active;
    }
    return object;
}

}  // namespace

json::object reserved_ip_json(const cloud::Follower& follower, std::optional<Colour> live) {
    const cloud::Reconciler& reconciler = follower.reconciler();
    const config::ReservedIp& config = follower.config();
    const Steady::time_point now = Steady::now();
    json::object object;
    object["provider"] = "digitalocean";
    object["address"] = config.address;
    object["service"] = config.follows;
    object["state"] = cloud::to_string(reconciler.state());
    object["following"] = reconciler.settled();
    object["desired"] = desired_json(reconciler, live);
    object["observed"] = observed_json(reconciler);
    object["unseen_since"] = nullptr;
    if (const auto since = reconciler.unseen_since()) {
        object["unseen_since"] = control::rfc3339(wall(*since));
    }
    object["followed_epoch"] = reconciler.followed_epoch();
    object["drift_seconds"] = std::chrono::duration<double>(reconciler.drift(now)).count();
    object["drift_policy"] =
        config.drift == config::ReservedIp::Drift::enforce ? "enforce" : "alert";
    object["action_id"] = id_or_null(reconciler.action());
    object["attempts"] = reconciler.attempts();
    object["failures"] = reconciler.failures();
    object["foreign_changes"] = reconciler.drifts();
    object["last_error"] = error_json(reconciler);
    object["next_at"] = nullptr;
    if (reconciler.next_at() != Steady::time_point::max()) {
        object["next_at"] = control::rfc3339(wall(std::max(now, reconciler.next_at())));
    }
    object["token"] = token_json(follower);
    object["metadata"] = metadata_json(follower);
    return object;
}

observe::ReservedIpGauge reserved_ip_gauge(const cloud::Follower& follower) {
    const cloud::Reconciler& reconciler = follower.reconciler();
    observe::ReservedIpGauge gauge;
    gauge.service = follower.config().follows;
    gauge.address = follower.config().address;
    if (reconciler.desired()) gauge.desired_droplet = reconciler.desired()->droplet;
    if (reconciler.observed()) gauge.observed_droplet = reconciler.observed()->droplet.value_or(0);
    gauge.following = reconciler.settled();
    gauge.drift_seconds = std::chrono::duration<double>(reconciler.drift(Steady::now())).count();
    gauge.attempts = reconciler.attempts();
    gauge.failures = reconciler.failures();
    gauge.drifts = reconciler.drifts();
    gauge.failing = reconciler.failing();
    if (const auto& failure = reconciler.last_failure()) {
        gauge.last_error = cloud::to_string(failure->kind);
        gauge.last_error_at =
            std::chrono::duration<double>(wall(reconciler.failed_at()).time_since_epoch()).count();
    }
    return gauge;
}

}  // namespace switchyard::server
