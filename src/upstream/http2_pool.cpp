#include "upstream/http2_pool.hpp"

#include "base/frame_pool.hpp"
#include "h2/client_session.hpp"
#include "upstream/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace switchyard::upstream {

namespace {

/// Requests that may wait for one connection that is being opened: as many streams as most origins
/// allow at once.
constexpr std::size_t kWaitForOne = 100;

h2::ClientOptions options_for(const config::Service& service, const route::Target& target) {
    h2::ClientOptions options;
    options.max_concurrent_streams = service.http2.max_concurrent_streams;
    options.stream_window = service.http2.stream_window;
    options.write_timeout = service.timeouts.request_write;
    options.idle = service.timeouts.idle;
    options.ping_interval = service.http2.ping_interval;
    options.ping_timeout = service.http2.ping_timeout;
    options.tls = target.config().tls();
    return options;
}

}  // namespace

/// A connection with what it was opened for. Keeps itself going until it is over, and tells its
/// pool then.
class SharedConnection final : private h2::ClientSession::Owner {
  public:
    SharedConnection(Http2Pool& pool, std::shared_ptr<route::Target> to, std::uint64_t in_epoch,
                     const h2::ClientOptions& options,
                     std::shared_ptr<observe::SlotMetrics> counted_in)
        : target(std::move(to)),
          epoch(in_epoch),
          generation(target->generation()),
          metrics(std::move(counted_in)),
          session(pool.loop_, *this, options, metrics->cell(pool.worker_).upstream_http2),
          pool_(pool) {}

    void start(std::chrono::milliseconds timeout) {
        life_.start(
            live(timeout),
            [](void* self) {
                auto& connection = *static_cast<SharedConnection*>(self);
                connection.pool_.ended(connection);
            },
            this);
    }

    [[nodiscard]] bool leads_to_target() const noexcept {
        return generation == target->generation() && !target->retired();
    }
    [[nodiscard]] bool opening() const noexcept { return opening_; }
    /// Gets no further streams; those that wait for it are told to look elsewhere.
    void leave() noexcept {
        if (opening_) {
            session.stop();
        } else {
            session.leave();
        }
    }

    const std::shared_ptr<route::Target> target;
    const std::uint64_t epoch;
    const std::uint32_t generation;
    const std::shared_ptr<observe::SlotMetrics> metrics;
    h2::ClientSession session;
    std::vector<StreamChannel*> waiting;  ///< For the end of the opening.

  private:
    Task<void> live(std::chrono::milliseconds timeout);
    void settled() override;
    void tell(const ConnectResult& result) noexcept;

    Http2Pool& pool_;
    Fork life_;  ///< Last: it ends before what it uses.
    bool opening_ = true;
};

/// A stream for one request.
class StreamChannel final : public Channel {
  public:
    StreamChannel(Http2Pool& pool, std::shared_ptr<route::Target> to, std::uint64_t in_epoch,
                  const config::Service& service,
                  const std::shared_ptr<observe::SlotMetrics>& of_slot)
        : target(std::move(to)),
          epoch(in_epoch),
          options(options_for(service, *target)),
          most(service.http2.max_connections),
          metrics(of_slot),
          pool_(pool),
          stream_(pool.loop_, pool.responses_) {}

    /// There is one for each request: from the pool of the worker's thread.
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept {
        release_frame(memory, size);
    }

    [[nodiscard]] http::OriginExchange& exchange() noexcept override { return stream_; }
    Task<ConnectResult> connect(std::chrono::milliseconds timeout) override;

    void bind(SharedConnection& connection) {
        bound_ = true;
        connection.session.attach(stream_);
        // A request of an older epoch has it for itself (C7).
        if (pool_.shelves_[target->id()].epoch > connection.epoch) connection.leave();
    }
    /// What it waited for has come to an end.
    void told(const ConnectResult& result) noexcept {
        waits_at_ = nullptr;
        if (result.error != 0) failure_ = result;
        stream_.wake_up();
    }

    const std::shared_ptr<route::Target> target;
    const std::uint64_t epoch;
    const h2::ClientOptions options;
    const std::uint32_t most;                              ///< Connections to the target.
    const std::shared_ptr<observe::SlotMetrics>& metrics;  ///< Until it is connected.

  private:
    Http2Pool& pool_;
    SharedConnection* waits_at_ = nullptr;
    ConnectResult failure_;
    bool bound_ = false;
    h2::ClientStream stream_;
};

Task<ConnectResult> StreamChannel::connect(std::chrono::milliseconds timeout) {
    const net::TimerWheel& timers = stream_.loop().timers();
    const std::uint64_t deadline = timers.after(timeout);
    bool shared = true;
    if (bound_) co_return ConnectResult{0, {}, false, true};
    for (;;) {
        SharedConnection* connection = pool_.find(*target, epoch, false);
        if (connection == nullptr) {
            connection = pool_.open(*this, timeout);
            shared = false;
        }
        if (connection == nullptr) co_return ConnectResult{EBUSY, {}, false, true};
        if (connection->session.takes_streams()) {
            bind(*connection);
            co_return ConnectResult{0, {}, false, shared};
        }
        if (deadline != 0 && timers.now() >= deadline) {
            co_return ConnectResult{ETIMEDOUT, {}, false, shared};
        }
        connection->waiting.push_back(this);
        waits_at_ = connection;
        const http::Fault fault = co_await stream_.wait_for_session(timers.left(deadline));
        if (waits_at_ != nullptr) std::erase(waits_at_->waiting, this);
        waits_at_ = nullptr;
        if (fault == http::Fault::cancelled) co_return ConnectResult{ECANCELED, {}, false, true};
        failure_.shared = shared;
        if (failure_.error != 0) co_return failure_;
        if (fault != http::Fault::none) co_return ConnectResult{ETIMEDOUT, {}, false, shared};
    }
}

Task<void> SharedConnection::live(std::chrono::milliseconds timeout) {
    const net::TimerWheel& timers = session.stream().loop().timers();
    const std::uint64_t deadline = timers.after(timeout);
    // Whoever opens it has to be told of the end, also of one that comes at once.
    co_await session.stream().loop().yield();
    ConnectResult result = co_await connect(session.stream(), target, timeout);
    if (result.error == 0) {
        std::chrono::milliseconds left{0};
        if (deadline != 0) left = timers.left(std::max(deadline, timers.now() + 1));
        co_await session.run(left);
        using Refusal = h2::ClientSession::Refusal;
        switch (session.refusal()) {
            case Refusal::silent:
                result.error = ETIMEDOUT;
                break;
            case Refusal::not_http2:
            case Refusal::http1:
                result.error = EPROTO;
                result.not_http2 = true;
                break;
            default:
                result.error = ECONNRESET;
                break;
        }
    }
    if (opening_) tell(result);
}

void SharedConnection::settled() {
    const bool wanted = !waiting.empty();
    tell({});
    if (!wanted && !pool_.counts(*this)) session.leave();
}

void SharedConnection::tell(const ConnectResult& result) noexcept {
    opening_ = false;
    for (StreamChannel* const channel : std::exchange(waiting, {}))
        channel->told(result);
}

Http2Pool::Http2Pool(net::EventLoop& loop, std::size_t worker) noexcept
    : loop_(loop), worker_(worker) {}

Http2Pool::~Http2Pool() {
    clear();
}

std::unique_ptr<Channel> Http2Pool::stream(std::shared_ptr<route::Target> target,
                                           std::uint64_t epoch, const config::Service& service,
                                           bool careful,
                                           const std::shared_ptr<observe::SlotMetrics>& metrics) {
    SharedConnection* const connection = find(*target, epoch, careful);
    auto made = std::make_unique<StreamChannel>(*this, std::move(target), epoch, service, metrics);
    if (connection != nullptr && !connection->opening()) {
        made->bind(*connection);
        made->reused = !careful;
    }
    return made;
}

SharedConnection* Http2Pool::find(const route::Target& target, std::uint64_t epoch, bool careful) {
    const auto found = shelves_.find(target.id());
    if (found == shelves_.end()) return nullptr;
    SharedConnection* coming = nullptr;
    for (const auto& entry : found->second.connections) {
        SharedConnection& connection = *entry;
        if (connection.epoch != epoch) continue;
        const bool idle = !connection.opening() && connection.session.used() == 0;
        if (!connection.leads_to_target() || (careful && idle)) {
            connection.leave();
        } else if (connection.session.takes_streams()) {
            return &connection;
        } else if (connection.opening() && connection.waiting.size() < kWaitForOne) {
            coming = &connection;
        }
    }
    return coming;
}

SharedConnection* Http2Pool::open(const StreamChannel& channel, std::chrono::milliseconds timeout) {
    Shelf& shelf = shelves_[channel.target->id()];
    // Those that only wait for the end of their last streams don't count.
    const auto taking = std::count_if(
        shelf.connections.begin(), shelf.connections.end(), [&channel](const auto& connection) {
            return connection->epoch == channel.epoch && !connection->session.leaving();
        });
    if (static_cast<std::size_t>(taking) >= channel.most) return nullptr;
    if (shelf.epoch < channel.epoch) advance(*channel.target, channel.epoch);
    auto made = std::make_unique<SharedConnection>(*this, channel.target, channel.epoch,
                                                   channel.options, channel.metrics);
    SharedConnection* const connection = made.get();
    shelf.connections.push_back(std::move(made));
    connection->start(timeout);
    return connection;
}

bool Http2Pool::counts(const SharedConnection& connection) const noexcept {
    const auto found = shelves_.find(connection.target->id());
    return found != shelves_.end() && found->second.epoch <= connection.epoch &&
           connection.leads_to_target();
}

/// Called at the end of its life: it may be destroyed.
void Http2Pool::ended(SharedConnection& connection) {
    const auto found = shelves_.find(connection.target->id());
    if (found == shelves_.end()) return;
    auto& connections = found->second.connections;
    const bool gone = connection.target->retired();
    std::erase_if(connections, [&](const auto& entry) { return entry.get() == &connection; });
    if (gone && connections.empty()) shelves_.erase(found);
}

void Http2Pool::advance(const route::Target& target, std::uint64_t epoch) {
    Shelf& shelf = shelves_[target.id()];
    if (shelf.epoch >= epoch) return;
    shelf.epoch = epoch;
    for (const auto& connection : shelf.connections) {
        // One that is being opened is waited for by requests of its own epoch.
        if (connection->epoch < epoch && !connection->opening()) connection->leave();
    }
}

void Http2Pool::forget(std::uint32_t target_id) {
    const auto found = shelves_.find(target_id);
    if (found == shelves_.end()) return;
    for (const auto& connection : found->second.connections) {
        if (!connection->opening()) connection->leave();
    }
}

void Http2Pool::leave() {
    for (const auto& [id, shelf] : shelves_) {
        for (const auto& connection : shelf.connections) {
            if (!connection->opening()) connection->leave();
        }
    }
}

void Http2Pool::clear() {
    for (const auto& [id, shelf] : shelves_) {
        for (const auto& connection : shelf.connections)
            connection->session.farewell();
    }
    shelves_.clear();
}

std::size_t Http2Pool::size() const noexcept {
    std::size_t count = 0;
    for (const auto& [id, shelf] : shelves_)
        count += shelf.connections.size();
    return count;
}

}  // namespace switchyard::upstream
