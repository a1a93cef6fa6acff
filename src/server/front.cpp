#include "server/front.hpp"

#include "base/log.hpp"
#include "net/listener.hpp"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::server {

namespace {

/// Keeps the old access log until every worker has let go of it. Waits as long as that takes.
boost::asio::awaitable<void> retire(std::shared_ptr<observe::AccessLog> log,
                                    WorkersPublisher& publisher) {
    const std::function<void(Worker&)> pass = [log](Worker&) {};
    co_await publisher.on_workers(pass, std::chrono::minutes(10));
}

}  // namespace

Front::Front(boost::asio::io_context& context, WorkersPublisher& publisher, std::size_t workers)
    : context_(context), publisher_(publisher), cells_(workers) {}

Front::~Front() {
    discard();
}

std::shared_ptr<const WorkerOptions> Front::prepared_options() const {
    return plan_->options;
}

Result<void> Front::prepare(std::shared_ptr<const config::Config> config) {
    discard();
    plan_ = std::make_shared<Plan>();
    plan_->config = config;
    plan_->options = std::make_shared<const WorkerOptions>(*config);
    for (const config::Listener& listener : config->listeners) {
        ListenerSettings settings;
        if (listener.redirect_to_https) settings.https_port = listener.https_port;
        if (listener.tls) {
            auto tls = net::TlsContext::create(*listener.tls, ticket_keys_);
            if (!tls) {
                const Error error("listener " + listener.address + ": " + tls.error().message);
                discard();
                return error;
            }
            settings.tls = *tls;
        }
        plan_->settings[listener.address] = std::move(settings);
        if (listening_.contains(listener.address)) continue;
        auto sockets = net::bind_listeners(listener, cells_.size());
        if (!sockets) {
            const Error error = sockets.error();
            discard();
            return error;
        }
        plan_->sockets[listener.address] = std::move(*sockets);
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
    for (const auto& [address, listening] : listening_) {
        if (!plan->settings.contains(address)) closed.push_back(address);
    }
    for (const std::string& address : closed)
        listening_.erase(address);
    for (const config::Listener& listener : plan->config->listeners) {
        Listening& listening = listening_[listener.address];
        listening.config = listener;
        if (const auto sockets = plan->sockets.find(listener.address);
            sockets != plan->sockets.end()) {
            const auto real = net::local_address(sockets->second.front());
            listening.real_address = real ? real->text() : listener.address;
        }
    }
    // The sockets are the workers' from here on: each takes its own, once.
    return [plan, closed, log = log_](Worker& worker) {
        const std::size_t index = worker.index();
        worker.set_options(plan->options);
        worker.set_access_sink(log ? &log->sink(index) : nullptr);
        for (const std::string& address : closed)
            worker.close_listener(address);
        for (const auto& [address, settings] : plan->settings) {
            if (const auto sockets = plan->sockets.find(address); sockets != plan->sockets.end()) {
                worker.open_listener(address, sockets->second[index], settings);
            } else {
                worker.change_listener(address, settings);
            }
        }
    };
}

std::vector<control::ProcessFacts::ListenerFact> Front::listeners() const {
    std::vector<ListenerFact> facts;
    for (const auto& [address, listening] : listening_) {
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

void Front::close_log() {
    if (log_) dropped_before_ += log_->dropped();
    log_.reset();
}

}  // namespace switchyard::server
