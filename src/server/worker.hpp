#pragma once

#include "net/event_loop.hpp"
#include "net/listener.hpp"
#include "net/tls_library.hpp"
#include "relay/relay.hpp"
#include "server/connection.hpp"
#include "server/connection_limiter.hpp"
#include "server/options.hpp"
#include "upstream/http2_pool.hpp"
#include "upstream/pool.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace switchyard::server {

/// One thread that serves connections: its loop, connections, relay, pool. Constructed and
/// destroyed on the control thread; in between everything but post() and the counters happens on
/// its own.
class Worker final : private ConnectionHost {
  public:
    Worker(std::size_t index, const std::atomic<const route::Snapshot*>& snapshot,
           observe::WorkerCell& counters, ConnectionLimiter& limiter,
           std::shared_ptr<const WorkerOptions> options);
    ~Worker() override;
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    [[nodiscard]] std::size_t index() const noexcept { return context_.index; }
    /// Whether OpenSSL's state is its own (net::TlsLibrary).
    [[nodiscard]] bool has_tls_library() const noexcept { return tls_library_.own(); }

    void start();
    /// Ends the loop and waits for the thread. All connections must have ended.
    void join();

    /// Any thread: runs `function` on the worker's thread.
    void post(std::function<void()> function) { loop_.post(std::move(function)); }

    // Worker's thread.
    void set_options(std::shared_ptr<const WorkerOptions> options);
    void set_access_sink(observe::AccessSink* sink) noexcept { context_.access_log = sink; }
    /// `key` names the listener from here on; closes `fd` if the worker is draining.
    void open_listener(const std::string& key, int fd, ListenerSettings settings);
    void change_listener(const std::string& key, ListenerSettings settings);
    void close_listener(const std::string& key);

    void advance_pool(const route::Target& target, std::uint64_t epoch) {
        pool_.advance(target, epoch);
        http2_.advance(target, epoch);
    }
    void forget_target(std::uint32_t id) {
        pool_.forget(id);
        http2_.forget(id);
    }
    void cut(const route::Ledger& ledger, route::Tunnels tunnels) { relay_.cut(ledger, tunnels); }
    void close_tunnels(const route::Ledger& ledger, double share) {
        relay_.close_tunnels(ledger, share);
    }
    void gates_changed() { relay_.gates_changed(); }

    /// Stops accepting, ends idle connections, lets busy ones finish; tells WebSockets to go away.
    void drain();
    /// Cuts every request under way (503 or abort).
    void cut_all() { relay_.cut_all(); }
    /// Ends every connection at once.
    void stop_sessions();
    [[nodiscard]] std::size_t sessions() const noexcept { return session_count_; }

  private:
    struct Listening {
        std::unique_ptr<net::Acceptor> acceptor;
        ListenerSettings settings;
    };
    struct Session;

    void accepted(int fd, const net::Address& peer, const ListenerSettings& settings);

    // ConnectionHost
    [[nodiscard]] const std::shared_ptr<const session::ServerOptions>& options() const override {
        return options_->session;
    }
    [[nodiscard]] http::Handler& handler() override { return relay_; }
    [[nodiscard]] observe::WorkerCell& counters() override { return context_.counters; }
    void http2_limit_passed(std::string_view client, observe::Http2Limit limit) override;
    [[nodiscard]] bool trusts(const net::Address& peer) const override;
    [[nodiscard]] bool draining() const override { return draining_; }
    [[nodiscard]] h1::ContextStore& contexts() override { return contexts_; }
    [[nodiscard]] h2::StreamStore& streams() override { return streams_; }
    [[nodiscard]] bool client_named(Connection& connection, const net::Address& client) override;
    void header_refused(const net::Address& peer, observe::ProxyFault fault,
                        std::string_view why) override;
    void connection_ended(Connection& connection) override;

    net::EventLoop loop_;
    upstream::Pool pool_;
    upstream::Http2Pool http2_;
    upstream::Random random_;
    relay::WorkerContext context_;
    relay::Relay relay_;
    ConnectionLimiter& limiter_;
    std::shared_ptr<const WorkerOptions> options_;
    std::unordered_map<std::string, Listening> listeners_;
    h1::ContextStore contexts_;
    h2::StreamStore streams_;
    Session* sessions_ = nullptr;
    std::size_t session_count_ = 0;
    bool draining_ = false;
    std::uint64_t limit_told_ns_ = 0;   ///< When a passed limit was logged last; 0: never.
    std::uint64_t limits_untold_ = 0;   ///< Those since then.
    std::uint64_t complained_ns_ = 0;   ///< Of a header, last.
    std::uint64_t headers_unsaid_ = 0;  ///< Refused since, and not in the log.
    net::TlsLibrary tls_library_;       ///< The thread's; given back after its end.
    std::thread thread_;
};

}  // namespace switchyard::server
