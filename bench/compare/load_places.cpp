#include "bench/compare/load_places.hpp"

#include "bench/common/clock.hpp"
#include "bench/compare/load_loop.hpp"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <string>
#include <unordered_map>

namespace switchyard::bench {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kTimeToOpen = 10'000 * kMillisecond;

/// Polls until so many connections are open.
template <typename Count>
void await_open(LoadPlaces& places, std::size_t all, Count count) {
    const std::int64_t deadline = now_ns() + kTimeToOpen;
    while (count() < all) {
        if (now_ns() >= deadline)
            throw std::runtime_error("only " + std::to_string(count()) + " of " +
                                     std::to_string(all) + " connections could be opened");
        places.poll(10 * kMillisecond);
    }
}

class H1Places final : public LoadPlaces {
  public:
    H1Places(const LoadOptions& options, Sink& sink)
        : loop_(options), sink_(sink), count_(options.connections) {}

    /// Each connection has its first request here, which nobody counts.
    void open() override {
        for (unsigned i = 0; i < count_; ++i) {
            LoadConnection& connection = loop_.add();
            take(connection, connection.start());
        }
        await_open(*this, count_, [&] { return idle_.size(); });
    }

    bool begin(std::int64_t due) override {
        if (idle_.empty()) return false;
        LoadConnection& connection = *idle_.front();
        idle_.pop_front();
        due_[&connection] = due;
        take(connection, connection.next());
        return true;
    }

    void poll(std::int64_t timeout) override {
        loop_.poll_ns(timeout, [this](LoadConnection& connection, LoadConnection::Event event) {
            take(connection, event);
        });
    }

    std::uint64_t under_way(std::int64_t since) const override {
        return static_cast<std::uint64_t>(std::count_if(
            due_.begin(), due_.end(), [&](const auto& one) { return one.second >= since; }));
    }

  private:
    void take(LoadConnection& connection, LoadConnection::Event event) {
        if (event == LoadConnection::Event::none) return;
        // One that has failed connects anew with its next request.
        idle_.push_back(&connection);
        const auto found = due_.find(&connection);
        const std::int64_t due = found == due_.end() ? 0 : found->second;
        if (found != due_.end()) due_.erase(found);
        if (event == LoadConnection::Event::failed)
            sink_.on_failure(due, connection.error());
        else if (due > 0)
            sink_.on_answer(due);
    }

    LoadLoop loop_;
    Sink& sink_;
    const unsigned count_;
    std::deque<LoadConnection*> idle_;
    std::unordered_map<const LoadConnection*, std::int64_t> due_;
};

class H2Places final : public LoadPlaces {
  public:
    H2Places(const LoadOptions& options, Sink& sink) : loop_(options) {
        for (unsigned i = 0; i < options.connections; ++i)
            connections_.emplace_back(loop_.shared(), options.streams, options.post_bytes, sink);
    }

    void open() override {
        for (LoadH2Connection& connection : connections_)
            connection.start();
        await_open(*this, connections_.size(), [&] {
            return static_cast<std::size_t>(
                std::count_if(connections_.begin(), connections_.end(),
                              [](const auto& connection) { return connection.connected(); }));
        });
    }

    bool begin(std::int64_t due) override {
        for (std::size_t tried = 0; tried < connections_.size(); ++tried) {
            LoadH2Connection& connection = connections_[next_];
            next_ = (next_ + 1) % connections_.size();
            if (!connection.open()) connection.start();
            if (!connection.has_room()) continue;
            connection.begin(due);
            connection.flush();
            return true;
        }
        return false;
    }

    void poll(std::int64_t timeout) override {
        loop_.wait_ns<LoadH2Connection>(timeout, [](LoadH2Connection& connection, std::uint32_t) {
            connection.on_ready();
            connection.flush();
        });
    }

    std::uint64_t under_way(std::int64_t since) const override {
        std::uint64_t sum = 0;
        for (const LoadH2Connection& connection : connections_)
            sum += connection.under_way(since);
        return sum;
    }

  private:
    LoadLoop loop_;
    std::deque<LoadH2Connection> connections_;
    std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<LoadPlaces> make_places(const LoadOptions& options, LoadPlaces::Sink& sink) {
    if (options.streams > 0) return std::make_unique<H2Places>(options, sink);
    return std::make_unique<H1Places>(options, sink);
}

}  // namespace switchyard::bench
