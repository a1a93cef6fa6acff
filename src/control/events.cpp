#include "control/events.hpp"

#include "control/times.hpp"

#include <unistd.h>
#include <utility>

#include <boost/json/serialize.hpp>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

Line line_of(const json::object& event) {
    return std::make_shared<const std::string>(json::serialize(event) + "\n");
}

namespace {

json::object plain_event(std::string_view name) {
    json::object event;
    event["event"] = name;
    event["at"] = rfc3339(Wall::now());
    return event;
}

}  // namespace

/// The reading end of one subscription; the hub forgets the subscriber when it is gone.
class EventHub::Stream final : public LineSource {
  public:
    Stream(std::shared_ptr<Subscriber> subscriber, std::chrono::milliseconds heartbeat)
        : subscriber_(std::move(subscriber)), heartbeat_(heartbeat) {}

    asio::awaitable<Line> next() override {
        if (Line line = subscriber_->queue.take()) co_return line;
        if (subscriber_->lost != 0) co_return lost_line();
        if (subscriber_->queue.closed()) co_return nullptr;
        co_await subscriber_->queue.wait_for(heartbeat_);
        if (Line line = subscriber_->queue.take()) co_return line;
        if (subscriber_->queue.closed()) co_return nullptr;
        co_return line_of(plain_event("heartbeat"));
    }

  private:
    Line lost_line() {
        json::object event = plain_event("lost");
        event["count"] = std::exchange(subscriber_->lost, 0);
        return line_of(event);
    }

    std::shared_ptr<Subscriber> subscriber_;
    std::chrono::milliseconds heartbeat_;
};

EventHub::EventHub(asio::any_io_executor executor, std::size_t queue_limit)
    : executor_(std::move(executor)), queue_limit_(queue_limit) {}

void EventHub::publish(json::object event) {
    if (event.find("at") == event.end()) event["at"] = rfc3339(Wall::now());
    std::string_view service;
    if (const json::value* value = event.if_contains("service"); value && value->is_string()) {
        service = value->get_string();
    }
    std::erase_if(subscribers_, [](const auto& entry) { return entry.expired(); });
    if (subscribers_.empty()) return;
    const Line line = line_of(event);
    for (const auto& entry : subscribers_) {
        const auto subscriber = entry.lock();
        if (!subscriber->service.empty() && !service.empty() && subscriber->service != service) {
            continue;
        }
        // After a loss nothing is queued until the reader has been told of it, in its place.
        if (subscriber->lost != 0 || !subscriber->queue.push(line)) ++subscriber->lost;
    }
}

std::unique_ptr<LineSource> EventHub::subscribe(std::string service,
                                                std::chrono::milliseconds heartbeat) {
    auto subscriber = std::make_shared<Subscriber>(executor_, queue_limit_, std::move(service));
    json::object hello = plain_event("hello");
    hello["version"] = SWITCHYARD_VERSION;
    hello["pid"] = static_cast<std::int64_t>(::getpid());
    subscriber->queue.push(line_of(hello));
    if (closed_) {
        subscriber->queue.push(line_of(plain_event("stopping")));
        subscriber->queue.close();
    } else {
        subscribers_.push_back(subscriber);
    }
    return std::make_unique<Stream>(std::move(subscriber), heartbeat);
}

void EventHub::close() {
    if (closed_) return;
    closed_ = true;
    publish(plain_event("stopping"));
    for (const auto& entry : subscribers_) {
        if (const auto subscriber = entry.lock()) subscriber->queue.close();
    }
    subscribers_.clear();
}

}  // namespace switchyard::control
