#include "server/front.hpp"

#include "base/log.hpp"
#include "net/listener.hpp"
#include "server/descriptors.hpp"

#include <algorithm>
#include <chrono>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::server {

namespace {

/// How long a log that is no longer used may take to write its rest.
constexpr std::chrono::seconds kHungDisk{10};

/// Keeps the old access log until every worker has let go of it. Waits as long as that takes.
boost::asio::awaitable<void> retire(std::shared_ptr<observe::AccessLog> log,
                                    WorkersPublisher& publisher) {
    const std::function<void(Worker&)> pass = [](Worker&) {};
    co_await publisher.on_workers(pass, std::chrono::minutes(10));
    // Nothing may wait on this thread for a disk.
    log->stop();
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    const auto deadline = std::chrono::steady_clock::now() + kHungDisk;
    while (!log->stopped(std::chrono::milliseconds(0)) &&
           std::chrono::steady_clock::now() < deadline) {
        timer.expires_after(std::chrono::milliseconds(50));
        co_await timer.async_wait(boost::asio::use_awaitable);
    }
}

/// The configured limit stays: it is the operator's word. But descriptors may run out before it is
/// reached, and with them what requests need.
void look_at_connection_limit(const config::Config& config) {
    const std::size_t connections = config.limits.connections;
    const std::size_t all = descriptors();
    if (connections == 0 || all == 0) return;
    const std::size_t pipes = pipes_by_descriptors(worker_count(config));
    const std::size_t needed = descriptors_needed(connections, pipes);
    if (needed <= all) return;
    spdlog::warn(
        "connection_limit_too_high connections={} fit={} descriptors={} needed={} pipes={} "
        "hint=\"raise LimitNOFILE to what is needed, or lower limits.connections\"",
        connections, connections_by_descriptors(pipes), all, needed, pipes);
}

/// One key a listener: its address, and for those on any port (0) which one of them it is.
std::vector<std::string> keys_of(const config::Config& config) {
    std::vector<std::string> keys;
    for (const config::Listener& listener : config.listeners) {
        std::string key = listener.address;
        for (int next = 2; std::find(keys.begin(), keys.end(), key) != keys.end(); ++next)
            key = listener.address + " #" + std::to_string(next);
        keys.push_back(std::move(key));
    }
    return keys;
}

}  // namespace

Front::Front(boost::asio::io_context& context, WorkersPublisher& publisher,
             UpstreamTls& upstream_tls, std::size_t workers)
    : context_(context), publisher_(publisher), upstream_tls_(upstream_tls), cells_(workers) {}

Front::~Front() {
    discard();
}

std::shared_ptr<const WorkerOptions> Front::prepared_options() const {
    return plan_->options;
}

Result<void> Front::prepare(std::shared_ptr<const config::Config> config) {
    discard();
    for (const config::Service& service : config->services) {
        if (service.preview && !service.preview->secret_problem.empty()) {
            return Error("the preview of " + service.name + ": " + service.preview->secret_problem);
        }
        if (service.canary && !service.canary->secret_problem.empty()) {
            return Error("the canary of " + service.name + ": " + service.canary->secret_problem);
        }
    }
    plan_ = std::make_shared<Plan>();
    plan_->config = config;
    plan_->options = std::make_shared<const WorkerOptions>(*config);
    plan_->keys = keys_of(*config);
    if (!config_) config_ = config;
    if (auto tls = upstream_tls_.prepare(*config); !tls) {
        const Error error = tls.error();
        discard();
        return error;
    }
    for (std::size_t i = 0; i < config->listeners.size(); ++i) {
        const config::Listener& listener = config->listeners[i];
        const std::string& key = plan_->keys[i];
        ListenerSettings settings;
        if (listener.redirect_to_https) settings.https_port = listener.https_port;
        settings.h2c = listener.h2c;
        if (!listener.proxy_protocol_from.empty()) {
            settings.proxies =
                std::make_shared<const std::vector<config::Cidr>>(listener.proxy_protocol_from);
        }
        if (listener.tls) {
            auto tls = net::TlsContext::create(*listener.tls, ticket_keys_, config->http2.enabled);
            if (!tls) {
                const Error error("listener " + listener.address + ": " + tls.error().message);
                discard();
                return error;
            }
            settings.tls = *tls;
        }
        plan_->settings[key] = std::move(settings);
        if (listening_.contains(key)) continue;
        // Another program's socket is looked for, unless it would be one of ours that we find.
        const bool ours = std::any_of(listening_.begin(), listening_.end(), [&](const auto& entry) {
            return entry.second.config.port == listener.port;
        });
        auto sockets = net::bind_listeners(listener, cells_.size(), !ours);
        if (!sockets) {
            const Error error = sockets.error();
            discard();
            return error;
        }
        plan_->sockets[key] = std::move(*sockets);
    }
    if (!(config->access_log == log_config_)) {
        plan_->replace_log = true;
        if (!config->access_log.path.empty()) {
            const auto format = config->access_log.format == config::AccessLog::Format::json
                                    ? observe::AccessFormat::json
                                    : observe::AccessFormat::combined;
            auto log = observe::AccessLog::open(config->access_log.path, format, cells_.size(),
                                                config->access_log.buffer_bytes);
            if (!log) {
                const Error error = log.error();
                discard();
                return error;
            }
            plan_->log = std::move(*log);
        }
    }
    return {};
}

void Front::discard() {
    if (!plan_) return;
    for (const auto& [address, sockets] : plan_->sockets) {
        for (const int fd : sockets)
            ::close(fd);
    }
    plan_.reset();
    upstream_tls_.discard();
}

void Front::attach(std::vector<Worker*> workers) {
    workers_ = std::move(workers);
    std::shared_ptr<observe::AccessLog> none;
    const std::function<void(Worker&)> change = take_over(none);
    for (Worker* const worker : workers_)
        worker->post([worker, change] { change(*worker); });
}

boost::asio::awaitable<void> Front::apply() {
    std::shared_ptr<observe::AccessLog> old_log;
    const std::function<void(Worker&)> change = take_over(old_log);
    co_await publisher_.on_workers(change, WorkersPublisher::kDeadline);
    if (old_log) {
        boost::asio::co_spawn(context_, retire(std::move(old_log), publisher_),
                              [](const std::exception_ptr&) {});
    }
}

std::function<void(Worker&)> Front::take_over(std::shared_ptr<observe::AccessLog>& old_log) {
    const std::shared_ptr<Plan> plan = std::move(plan_);
    config_ = plan->config;
    upstream_tls_.apply();
    connection_limit_ = plan->options->connections;
    look_at_connection_limit(*plan->config);
    if (auto level = set_log_level(plan->config->log.level); !level) {
        spdlog::warn("log_level_unchanged error={}", log_value(level.error().message));
    }
    if (plan->replace_log) {
        if (log_) dropped_before_ += log_->dropped();
        old_log = std::move(log_);
        log_ = std::move(plan->log);
        log_config_ = plan->config->access_log;
    }
    std::vector<std::string> closed;
    for (const auto& [key, listening] : listening_) {
        if (!plan->settings.contains(key)) closed.push_back(key);
    }
    for (const std::string& key : closed)
        listening_.erase(key);
    keys_ = plan->keys;
    for (std::size_t i = 0; i < plan->config->listeners.size(); ++i) {
        const config::Listener& listener = plan->config->listeners[i];
        Listening& listening = listening_[keys_[i]];
        listening.config = listener;
        if (const auto sockets = plan->sockets.find(keys_[i]); sockets != plan->sockets.end()) {
            const auto real = net::local_address(sockets->second.front());
            listening.real_address = real ? real->text() : listener.address;
        }
    }
    // The sockets are the workers' from here on: each takes its own, once.
    return [plan, closed, log = log_](Worker& worker) {
        const std::size_t index = worker.index();
        worker.set_options(plan->options);
        worker.set_access_sink(log ? &log->sink(index) : nullptr);
        for (const std::string& key : closed)
            worker.close_listener(key);
        for (const auto& [key, settings] : plan->settings) {
            if (const auto sockets = plan->sockets.find(key); sockets != plan->sockets.end()) {
                worker.open_listener(key, sockets->second[index], settings);
            } else {
                worker.change_listener(key, settings);
            }
        }
    };
}

std::vector<control::ProcessFacts::ListenerFact> Front::listeners() const {
    std::vector<ListenerFact> facts;
    for (const std::string& key : keys_) {
        const Listening& listening = listening_.at(key);
        facts.push_back({listening.real_address, listening.config.tls.has_value(),
                         listening.config.redirect_to_https});
    }
    return facts;
}

std::uint64_t Front::access_log_dropped() const {
    return dropped_before_ + (log_ ? log_->dropped() : 0);
}

void Front::reopen_logs() {
    if (log_) log_->reopen();
}

bool Front::close_log() {
    if (!log_) return true;
    log_->stop();
    const bool closed = log_->stopped(observe::AccessLog::kPatience);
    dropped_before_ += log_->dropped();
    log_.reset();
    return closed;
}

}  // namespace switchyard::server
