#pragma once

#include "control/line_queue.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/json/object.hpp>

namespace switchyard::control {

/// What happens, told to any number of subscribers as NDJSON. Never waits for one: a slow reader
/// misses events and is told how many ("lost"). Control thread only.
class EventHub {
  public:
    /// `queue_limit`: lines that a subscriber may be behind.
    explicit EventHub(boost::asio::any_io_executor executor, std::size_t queue_limit = 1024);

    /// Sends the event to everybody who wants its "service" (or has no wish). Adds "at" when the
    /// event has none.
    void publish(boost::json::object event);

    /// A stream of what happens from now on; an empty service means all. Starts with `hello`, sends
    /// a heartbeat after every `heartbeat` of silence, and ends after close().
    [[nodiscard]] std::unique_ptr<LineSource> subscribe(
        std::string service, std::chrono::milliseconds heartbeat = std::chrono::seconds(15));

    /// Tells everybody that the daemon stops and ends all streams, also those that begin later.
    void close();

    [[nodiscard]] std::size_t subscribers() const noexcept { return subscribers_.size(); }

  private:
    struct Subscriber {
        Subscriber(boost::asio::any_io_executor executor, std::size_t limit, std::string wish)
            : service(std::move(wish)), queue(std::move(executor), limit) {}
        std::string service;
        LineQueue queue;
        std::uint64_t lost = 0;
    };
    class Stream;

    boost::asio::any_io_executor executor_;
    std::size_t queue_limit_;
    bool closed_ = false;
    std::vector<std::weak_ptr<Subscriber>> subscribers_;
};

/// One event as a line.
[[nodiscard]] Line line_of(const boost::json::object& event);

}  // namespace switchyard::control
