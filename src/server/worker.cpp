#include "server/worker.hpp"

#include "base/log.hpp"
#include "config/cidr.hpp"

#include <csignal>
#include <pthread.h>
#include <random>
#include <unistd.h>
#include <utility>

#include <spdlog/spdlog.h>

namespace switchyard::server {

namespace {

/// How often the log tells of headers that were refused, at most.
constexpr std::uint64_t kComplainEveryNs = 10'000'000'000;

std::uint64_t seed() {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
}

}  // namespace

/// A connection in the worker's list.
struct Worker::Session {
    Session(net::EventLoop& loop, Worker& worker, const net::Address& peer,
            const ConnectionLimiter::Ticket& limiter_ticket)
        : ticket(limiter_ticket), connection(loop, worker, peer) {}

    ConnectionLimiter::Ticket ticket;
    Session* previous = nullptr;
    Session* next = nullptr;
    Connection connection;
};

Worker::Worker(std::size_t index, const std::atomic<const route::Snapshot*>& snapshot,
               observe::WorkerCell& counters, ConnectionLimiter& limiter,
               std::shared_ptr<const WorkerOptions> options)
    : pool_(loop_, index),
      http2_(loop_, index),
      random_(seed()),
      context_{index,   loop_,    snapshot, pool_,          http2_,
               random_, counters, nullptr,  options->relay, {}},
      relay_(context_),
      limiter_(limiter),
      options_(std::move(options)) {}

Worker::~Worker() {
    join();
}

void Worker::start() {
    thread_ = std::thread([this] {
        // Signals are the control thread's.
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        const std::string name = "worker-" + std::to_string(context_.index);
        ::pthread_setname_np(::pthread_self(), name.c_str());
        tls_library_.use();
        loop_.run();
        listeners_.clear();
        pool_.clear();
        http2_.clear();
        contexts_.clear();
        streams_.clear();
    });
}

void Worker::join() {
    if (!thread_.joinable()) return;
    loop_.post([this] { loop_.stop(); });
    thread_.join();
}

void Worker::set_options(std::shared_ptr<const WorkerOptions> options) {
    options_ = std::move(options);
    context_.options = options_->relay;
}

void Worker::open_listener(const std::string& key, int fd, ListenerSettings settings) {
    if (draining_) {
        ::close(fd);
        return;
    }
    Listening& listening = listeners_[key];
    listening.settings = std::move(settings);
    listening.acceptor = std::make_unique<net::Acceptor>(
        loop_, fd, [this, &listening](int socket, const net::Address& peer) {
            accepted(socket, peer, listening.settings);
        });
}

void Worker::change_listener(const std::string& key, ListenerSettings settings) {
    const auto found = listeners_.find(key);
    if (found != listeners_.end()) found->second.settings = std::move(settings);
}

void Worker::close_listener(const std::string& key) {
    const auto found = listeners_.find(key);
    if (found == listeners_.end()) return;
    found->second.acceptor->close();
    listeners_.erase(found);
}

/// A line a second: whoever floods us must not fill the disk as well.
void Worker::http2_limit_passed(std::string_view client, observe::Http2Limit limit) {
    constexpr std::uint64_t kPause = 1'000'000'000;
    context_.counters.http2_limits[static_cast<std::size_t>(limit)].add();
    const std::uint64_t now = net::EventLoop::now_ns();
    if (limit_told_ns_ != 0 && now - limit_told_ns_ < kPause) {
        ++limits_untold_;
        return;
    }
    limit_told_ns_ = now;
    try {
        spdlog::warn("http2_limit_passed client={} limit={} worker={} not_logged={}",
                     log_value(client), to_string(limit), context_.index,
                     std::exchange(limits_untold_, 0));
    } catch (const std::exception&) {
        // No memory for the line. The session ends the connection all the same.
    }
}

bool Worker::trusts(const net::Address& peer) const {
    const std::vector<config::Cidr>& ranges = options_->relay->trusted_proxies;
    if (ranges.empty()) return false;
    std::uint8_t bytes[16];
    peer.bytes16(bytes);
    return config::contains_any(ranges, bytes);
}

void Worker::accepted(int fd, const net::Address& peer, const ListenerSettings& settings) {
    context_.counters.connections_accepted.add();
    // A trusted proxy brings many clients; who a balancer brings, its header will tell.
    const bool many = trusts(peer) || settings.expects_header(peer);
    const std::uint32_t per_address = many ? 0 : options_->connections_per_address;
    const ConnectionLimiter::Ticket ticket =
        limiter_.enter(peer, options_->connections, per_address);
    if (ticket.hopeless) {
        context_.counters.connections_refused.add();
        limiter_.leave(ticket);
        ::close(fd);
        return;
    }
    auto* session = new Session(loop_, *this, peer, ticket);
    session->next = sessions_;
    if (sessions_ != nullptr) sessions_->previous = session;
    sessions_ = session;
    session->connection.owner = session;
    ++session_count_;
    context_.counters.connections.add();
    if (!ticket.within_limits) {
        context_.counters.connections_refused.add();
        session->connection.refuse_all();
    }
    session->connection.start(fd, settings);
}

bool Worker::client_named(Connection& connection, const net::Address& client) {
    const std::uint32_t limit = options_->connections_per_address;
    if (limit == 0 || trusts(client)) return true;
    ConnectionLimiter::Ticket& ticket = static_cast<Session*>(connection.owner)->ticket;
    const bool refused = !ticket.within_limits;
    limiter_.enter_address(ticket, client, limit);
    if (!ticket.within_limits && !refused) {
        context_.counters.connections_refused.add();
        connection.refuse_all();
    }
    return !ticket.hopeless;
}

void Worker::header_refused(const net::Address& peer, observe::ProxyFault fault,
                            std::string_view why) {
    context_.counters.proxy_faults[static_cast<std::size_t>(fault)].add();
    const std::uint64_t now_ns = net::EventLoop::now_ns();
    if (complained_ns_ != 0 && now_ns - complained_ns_ < kComplainEveryNs) {
        ++headers_unsaid_;
        return;
    }
    spdlog::warn("proxy_header_refused peer={} reason={} detail={} others_since={}",
                 log_value(peer.host_text()), observe::to_string(fault), log_value(why),
                 headers_unsaid_);
    complained_ns_ = now_ns;
    headers_unsaid_ = 0;
}

void Worker::connection_ended(Connection& ended) {
    auto* session = static_cast<Session*>(ended.owner);
    if (session->previous != nullptr) {
        session->previous->next = session->next;
    } else {
        sessions_ = session->next;
    }
    if (session->next != nullptr) session->next->previous = session->previous;
    --session_count_;
    context_.counters.connections.subtract();
    limiter_.leave(session->ticket);
    delete session;
}

void Worker::drain() {
    draining_ = true;
    for (auto& [key, listening] : listeners_)
        listening.acceptor->close();
    listeners_.clear();
    pool_.clear();
    http2_.leave();
    for (Session* session = sessions_; session != nullptr; session = session->next) {
        session->connection.drain();
    }
    relay_.close_all_tunnels();
}

void Worker::stop_sessions() {
    for (Session* session = sessions_; session != nullptr; session = session->next) {
        session->connection.stop();
    }
}

}  // namespace switchyard::server
