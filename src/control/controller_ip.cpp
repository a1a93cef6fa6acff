// The reserved IP, as far as the controller has to do with it: it is told what is live, and never
// waited for by a change (C17).
#include "control/controller.hpp"

#include <utility>

#include <boost/json/parse.hpp>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

void Controller::start_reserved_ip() {
    if (ports_.reserved_ip == nullptr) return;
    ports_.reserved_ip->on_event([alive = alive_](json::object event) {
        if (*alive != nullptr) (*alive)->on_reserved_ip(std::move(event));
    });
    ports_.reserved_ip->configure(*config_);
    follow_all();
}

/// What is wanted comes from the durable record, so that the IP is followed on after a restart.
void Controller::follow_all() {
    if (ports_.reserved_ip == nullptr) return;
    for (const auto& state : routing_.current()->services) {
        ports_.reserved_ip->follow(state->name(), state->live, state->epoch);
    }
}

void Controller::on_reserved_ip(json::object event) {
    events_.publish(std::move(event));
    ip_changed_.notify();
}

json::value Controller::reserved_ip(const std::string& service) const {
    if (ports_.reserved_ip == nullptr) return nullptr;
    const std::string text = ports_.reserved_ip->status_json(service);
    if (text.empty()) return nullptr;
    boost::system::error_code failed;
    json::value value = json::parse(text, failed);
    if (failed) return nullptr;
    return value;
}

asio::awaitable<bool> Controller::reserved_ip_followed(std::uint64_t epoch,
                                                       Steady::time_point deadline) {
    if (ports_.reserved_ip == nullptr) co_return false;
    while (!ports_.reserved_ip->followed(epoch)) {
        if (stopping_ || Steady::now() >= deadline) co_return false;
        co_await ip_changed_.wait_until(deadline);
    }
    co_return true;
}

asio::awaitable<void> Controller::sync_reserved_ip() {
    if (ports_.reserved_ip != nullptr) co_await ports_.reserved_ip->sync();
}

}  // namespace switchyard::control
