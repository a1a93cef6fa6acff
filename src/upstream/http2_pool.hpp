#pragma once

#include "config/config.hpp"
#include "h2/response_store.hpp"
#include "net/event_loop.hpp"
#include "observe/slot_metrics.hpp"
#include "route/target.hpp"
#include "upstream/channel.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace switchyard::upstream {

class SharedConnection;
class StreamChannel;

/// The HTTP/2 connections of one worker, by target, each shared by many requests. A connection
/// belongs to the epoch it was opened in: with the next one it gets no further streams, and ends in
/// good order when its last stream is over (C7); also when its target has got other addresses or is
/// gone. Loop's thread. Outlives the channels that it makes.
class Http2Pool {
  public:
    Http2Pool(net::EventLoop& loop, std::size_t worker) noexcept;
    ~Http2Pool();
    Http2Pool(const Http2Pool&) = delete;
    Http2Pool& operator=(const Http2Pool&) = delete;

    /// A stream to the target for one request, bound to an open connection where there is one with
    /// room (and then `reused`); otherwise connect() waits for one, or opens it. `careful`: an idle
    /// one, which the target may be about to close, is given up instead of used; `reused` is false.
    /// A connection that is opened for it counts in the slot's `metrics`, which are looked at until
    /// connect() ended.
    std::unique_ptr<Channel> stream(std::shared_ptr<route::Target> target, std::uint64_t epoch,
                                    const config::Service& service, bool careful,
                                    const std::shared_ptr<observe::SlotMetrics>& metrics);

    /// From now on only connections of `epoch` count for the target.
    void advance(const route::Target& target, std::uint64_t epoch);
    /// The target is no longer configured.
    void forget(std::uint32_t target_id);
    /// No connection gets further streams; those without any end now.
    void leave();
    /// The loop has ended: closes everything.
    void clear();

    /// Connections, whatever their state.
    [[nodiscard]] std::size_t size() const noexcept;

  private:
    friend class SharedConnection;
    friend class StreamChannel;

    struct Shelf {
        std::uint64_t epoch = 0;
        std::vector<std::unique_ptr<SharedConnection>> connections;  ///< Oldest first.
    };

    /// One that takes streams now, or is being opened and will have room; null: none.
    SharedConnection* find(const route::Target& target, std::uint64_t epoch, bool careful);
    /// A new one, being opened; null: there are too many.
    SharedConnection* open(const StreamChannel& channel, std::chrono::milliseconds timeout);
    /// It may get new requests: its epoch and its target have not passed.
    [[nodiscard]] bool counts(const SharedConnection& connection) const noexcept;
    void ended(SharedConnection& connection);

    net::EventLoop& loop_;
    const std::size_t worker_;
    h2::ResponseStore responses_;
    std::unordered_map<std::uint32_t, Shelf> shelves_;
};

}  // namespace switchyard::upstream
