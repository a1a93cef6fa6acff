// Maintenance: durable, then visible, then acknowledged, like a switch.
#include "base/log.hpp"
#include "control/controller.hpp"
#include "control/hold_job.hpp"
#include "control/peer.hpp"

#include <exception>
#include <utility>

#include <boost/json/serialize.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::string_view kMessage =
    "We are working on it and will be back soon. Please try again later.";

/// Safe as text of an HTML page, and within an attribute's quotes.
std::string escaped_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

}  // namespace

void Controller::close_gate(route::Gate& gate, const state::Maintenance& maintenance) {
    const std::string_view message =
        maintenance.message.empty() ? kMessage : std::string_view(maintenance.message);
    gate.mode = route::Gate::Mode::maintenance;
    gate.message_html = escaped_html(message);
    gate.message_json = json::serialize(json::value(json::string_view(message)));
    gate.retry_after_s = maintenance.retry_after_s;
    if (gate.retry_after_s == 0) {
        const auto seconds =
            std::chrono::ceil<std::chrono::seconds>(gate.config->maintenance.retry_after);
        gate.retry_after_s = static_cast<std::uint64_t>(seconds.count());
    }
}

std::shared_ptr<ChangeTicket> Controller::maintenance(MaintenanceRequest request) {
    auto ticket = std::make_shared<ChangeTicket>(executor_);
    tasks_.spawn("maintenance", answered(make_maintenance(std::move(request), ticket), ticket));
    return ticket;
}

asio::awaitable<void> Controller::make_maintenance(MaintenanceRequest request,
                                                   std::shared_ptr<ChangeTicket> ticket) {
    if (stopping_) {
        ticket->refuse(control::stopping());
        co_return;
    }
    const State state = routing_.find(request.service);
    if (!state) {
        ticket->refuse(unknown_service(request.service, service_names()));
        co_return;
    }
    ServiceEntry& entry = entries_.at(request.service);
    if (!request.on && !entry.maintenance) {
        ticket->refuse(not_in_maintenance(request.service));
        co_return;
    }
    const Wall::time_point now = Wall::now();
    std::optional<state::Maintenance> wanted;
    if (request.on) {
        wanted.emplace();
        // A new text does not begin it anew.
        wanted->since = entry.maintenance ? entry.maintenance->since : now;
        wanted->message = request.message;
        wanted->retry_after_s = request.retry_after_s;
        wanted->uid = request.caller.uid;
        wanted->user = request.caller.user;
    }
    state::HistoryEntry line;
    line.at = now;
    line.service = request.service;
    line.action = request.on ? "maintenance on" : "maintenance off";
    line.uid = request.caller.uid;
    line.user = request.caller.user;
    line.epoch = state->epoch;
    line.outcome = "done";
    line.detail = request.message;
    for (char& c : line.detail) {
        if (c == '\n') c = ' ';
    }
    // Two at once are written in the order in which they came, and take effect in that order.
    const auto written = co_await store_.set_maintenance(request.service, wanted, line);
    if (!written) {
        ticket->refuse(state_failed(config_->state, written.error()));
        co_return;
    }
    entry.maintenance = wanted;
    if (request.on && entry.hold) entry.hold->finish(HoldEnd::maintenance, request.caller);
    const Routing::Published published = co_await routing_.republish();
    spdlog::info("maintenance_changed service={} on={} uid={} user={} message={}",
                 log_value(request.service), request.on, request.caller.uid,
                 log_value(request.caller.user), log_value(request.message));
    json::object answer;
    answer["event"] = "maintenance";
    answer["at"] = rfc3339(published.at);
    answer["service"] = request.service;
    answer["on"] = request.on;
    answer["message"] = request.message;
    answer["uid"] = request.caller.uid;
    answer["user"] = request.caller.user;
    events_.publish(answer);
    answer["live"] = to_string(state->live);
    answer["epoch"] = state->epoch;
    answer["in_flight"] = in_flight_of(request.service);
    answer["history_id"] = *written;
    if (published.result.stuck_workers.empty()) {
        answer.stable_erase("event");
        ticket->answer(std::move(answer));
        co_return;
    }
    ticket->refuse(not_acknowledged(request.service, published.result.stuck_workers));
}

json::value Controller::maintenance_json(const std::string& service) const {
    const auto& maintenance = entries_.at(service).maintenance;
    if (!maintenance) return nullptr;
    json::object object;
    object["since"] = rfc3339(maintenance->since);
    object["message"] = maintenance->message;
    object["retry_after_s"] = nullptr;
    if (maintenance->retry_after_s != 0) object["retry_after_s"] = maintenance->retry_after_s;
    object["uid"] = maintenance->uid;
    object["user"] = maintenance->user;
    return object;
}

}  // namespace switchyard::control
