#include "upstream/health_monitor.hpp"

#include "base/log.hpp"
#include "upstream/health_probe.hpp"
#include "upstream/resolver.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <map>
#include <random>
#include <string>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::upstream {
namespace asio = boost::asio;
using boost::system::error_code;
using route::Health;
using route::TargetReport;
using SteadyClock = std::chrono::steady_clock;

namespace {

/// A running coroutine, as its owner sees it.
struct Loop {
    asio::cancellation_signal signal;
    bool cancelled = false;

    void cancel() {
        cancelled = true;
        signal.emit(asio::cancellation_type::terminal);
    }
};

struct Watch {
    std::shared_ptr<route::Target> target;
    std::shared_ptr<const config::Service> service;
    TargetReport report;
    std::uint32_t successes = 0;  ///< In a row.
    std::uint32_t failures = 0;   ///< In a row.
    std::string resolve_error;    ///< Of the last lookup; empty: it worked.
    bool looked_up = false;
    std::shared_ptr<Loop> checks;
    std::shared_ptr<Loop> lookups;  ///< Only for host names.

    void cancel() {
        if (checks) checks->cancel();
        if (lookups) lookups->cancel();
    }
    [[nodiscard]] bool is_name() const {
        return target->config().kind == config::Target::Kind::name;
    }
};

bool same_check(const config::Service& a, const config::Service& b, const config::Target& target) {
    return a.health_check == b.health_check && probe_host(a, target) == probe_host(b, target);
}

std::string reason_of(const TargetReport& report) {
    if (!report.error.empty()) return report.error;
    std::string reason = "status " + std::to_string(report.status);
    if (!report.body_line.empty()) reason += ": " + report.body_line;
    return reason;
}

}  // namespace

struct HealthMonitor::Core : std::enable_shared_from_this<Core> {
    Core(asio::io_context& context_, Options options_)
        : context(context_),
          options(options_),
          all_ended(context_, SteadyClock::time_point::max()),
          random(std::random_device{}()) {}

    asio::io_context& context;
    const Options options;
    ChangeCallback callback;
    std::map<std::uint32_t, std::shared_ptr<Watch>> watches;  ///< By target id.
    std::size_t running = 0;                                  ///< Loops that have not ended.
    std::shared_ptr<std::size_t> lookups = std::make_shared<std::size_t>(0);
    asio::steady_timer all_ended;  ///< Cancelled when `running` becomes 0.
    bool stopping = false;
    std::minstd_rand random;

    std::shared_ptr<Loop> spawn(const std::shared_ptr<Watch>& watch,
                                asio::awaitable<void> (*body)(std::shared_ptr<Core>,
                                                              std::shared_ptr<Watch>,
                                                              std::shared_ptr<Loop>)) {
        auto loop = std::make_shared<Loop>();
        ++running;
        // An exception here is the end of a cancelled loop: the loops catch all others.
        asio::co_spawn(
            context, body(shared_from_this(), watch, loop),
            asio::bind_cancellation_slot(
                loop->signal.slot(), [core = shared_from_this(), loop](const std::exception_ptr&) {
                    if (--core->running == 0) core->all_ended.cancel();
                }));
        return loop;
    }

    SteadyClock::duration with_jitter(std::chrono::milliseconds interval) {
        std::uniform_real_distribution<double> factor(0.9, 1.1);
        const auto wanted = std::max(interval, std::chrono::milliseconds(1));
        return std::chrono::duration_cast<SteadyClock::duration>(wanted * factor(random));
    }

    void apply(Watch& watch, const ProbeResult& result, SteadyClock::time_point began);
    void apply(Watch& watch, Resolved resolved);
    void cancel_all() {
        for (auto& [id, watch] : watches)
            watch->cancel();
        watches.clear();
    }

    static asio::awaitable<void> check_loop(std::shared_ptr<Core> core,
                                            std::shared_ptr<Watch> watch,
                                            std::shared_ptr<Loop> loop);
    static asio::awaitable<void> lookup_loop(std::shared_ptr<Core> core,
                                             std::shared_ptr<Watch> watch,
                                             std::shared_ptr<Loop> loop);
};

void HealthMonitor::Core::apply(Watch& watch, const ProbeResult& result,
                                SteadyClock::time_point began) {
    TargetReport& report = watch.report;
    const config::HealthCheck& check = watch.service->health_check;
    report.checked_at = std::chrono::system_clock::now();
    report.began = began;
    report.passed = result.ok;
    report.status = result.status;
    report.duration = result.duration;
    report.error = result.error;
    report.body_line = result.ok ? std::string() : result.body_line;

    watch.successes = result.ok ? watch.successes + 1 : 0;
    watch.failures = result.ok ? 0 : watch.failures + 1;
    report.good = watch.successes;
    report.needed = std::max(check.healthy_after, 1U);
    Health next = report.health;
    if (report.health == Health::unknown) {
        next = result.ok ? Health::healthy : Health::unhealthy;
    } else if (watch.successes >= report.needed) {
        next = Health::healthy;
    } else if (watch.failures >= std::max(check.unhealthy_after, 1U)) {
        next = Health::unhealthy;
    }
    if (next == report.health) return;

    report.health = next;
    report.since = *report.checked_at;
    watch.target->set_health(next);
    const route::Target& target = *watch.target;
    if (next == Health::healthy) {
        spdlog::info("target_healthy service={} slot={} target={}", log_value(target.service()),
                     switchyard::to_string(target.colour()), log_value(target.address()));
    } else {
        spdlog::warn("target_unhealthy service={} slot={} target={} reason={}",
                     log_value(target.service()), switchyard::to_string(target.colour()),
                     log_value(target.address()), log_value(reason_of(report)));
    }
    if (callback) {
        // Copies: the callback may replace itself, or what is watched.
        const ChangeCallback call = callback;
        const TargetReport copy = report;
        call(target, copy);
    }
}

void HealthMonitor::Core::apply(Watch& watch, Resolved resolved) {
    const route::Target& target = *watch.target;
    if (!resolved.error.empty()) {
        if (watch.resolve_error.empty()) {
            spdlog::warn("target_not_resolved service={} slot={} target={} reason={}",
                         log_value(target.service()), switchyard::to_string(target.colour()),
                         log_value(target.address()), log_value(resolved.error));
        }
        watch.resolve_error = std::move(resolved.error);
        return;  // Old addresses are better than none.
    }
    watch.resolve_error.clear();
    // Name servers rotate their answers: another order is no news.
    const auto known = target.addresses();
    if (std::is_permutation(resolved.addresses.begin(), resolved.addresses.end(), known.begin(),
                            known.end())) {
        return;
    }
    std::string list;
    for (const route::SocketAddress& address : resolved.addresses) {
        if (!list.empty()) list += ',';
        list += to_string(address);
    }
    spdlog::info("target_resolved service={} slot={} target={} addresses={}",
                 log_value(target.service()), switchyard::to_string(target.colour()),
                 log_value(target.address()), list);
    watch.target->set_addresses(std::move(resolved.addresses));
}

asio::awaitable<void> HealthMonitor::Core::check_loop(std::shared_ptr<Core> core,
                                                      std::shared_ptr<Watch> watch,
                                                      std::shared_ptr<Loop> loop) {
    asio::steady_timer timer(core->context);
    while (!loop->cancelled) {
        const auto begin = SteadyClock::now();
        const config::HealthCheck check = watch->service->health_check;
        ProbeResult result;
        try {
            if (watch->target->addresses().empty()) {
                result.error =
                    watch->resolve_error.empty() ? "no address is known" : watch->resolve_error;
            } else {
                std::string host = probe_host(*watch->service, watch->target->config());
                result = co_await probe(core->context, watch->target, check, std::move(host));
            }
        } catch (const std::exception& exception) {
            result = ProbeResult{};
            result.error = exception.what();
        }
        if (loop->cancelled) co_return;
        core->apply(*watch, result, begin);
        if (loop->cancelled) co_return;
        timer.expires_at(begin + core->with_jitter(check.interval));
        error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

asio::awaitable<void> HealthMonitor::Core::lookup_loop(std::shared_ptr<Core> core,
                                                       std::shared_ptr<Watch> watch,
                                                       std::shared_ptr<Loop> loop) {
    asio::steady_timer timer(core->context);
    while (!loop->cancelled) {
        Resolved resolved;
        try {
            const config::Target& config = watch->target->config();
            resolved = co_await resolve(core->context, config.host, config.port,
                                        core->options.resolve_timeout, core->lookups);
        } catch (const std::exception& exception) {
            resolved = Resolved{};
            resolved.error = exception.what();
        }
        if (loop->cancelled) co_return;
        core->apply(*watch, std::move(resolved));
        watch->looked_up = true;
        // Checks begin when there is something to check, or to report.
        if (!watch->checks) watch->checks = core->spawn(watch, &Core::check_loop);
        timer.expires_after(core->with_jitter(core->options.resolve_interval));
        error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

HealthMonitor::HealthMonitor(asio::io_context& context) : HealthMonitor(context, Options{}) {}

HealthMonitor::HealthMonitor(asio::io_context& context, Options options)
    : core_(std::make_shared<Core>(context, options)) {}

HealthMonitor::~HealthMonitor() {
    core_->callback = nullptr;
    core_->stopping = true;
    core_->cancel_all();
}

void HealthMonitor::watch(const Targets& targets) {
    if (core_->stopping) return;
    std::map<std::uint32_t, std::shared_ptr<Watch>> before;
    before.swap(core_->watches);
    for (const auto& [target, service] : targets) {
        const auto known = before.find(target->id());
        if (known == before.end()) {
            if (core_->watches.contains(target->id())) continue;
            const auto watch = std::make_shared<Watch>();
            watch->target = target;
            watch->service = service;
            watch->report.health = target->health();
            watch->report.since = std::chrono::system_clock::now();
            core_->watches.emplace(target->id(), watch);
            if (watch->is_name()) {
                watch->lookups = core_->spawn(watch, &Core::lookup_loop);
            } else {
                if (target->addresses().empty()) fill_static_address(*target);
                watch->checks = core_->spawn(watch, &Core::check_loop);
            }
            continue;
        }
        const std::shared_ptr<Watch> watch = known->second;
        before.erase(known);
        core_->watches.emplace(target->id(), watch);
        const bool same = same_check(*watch->service, *service, target->config());
        watch->service = service;
        if (!same && watch->checks) {
            watch->checks->cancel();
            watch->checks = core_->spawn(watch, &Core::check_loop);
        }
    }
    for (auto& [id, watch] : before)
        watch->cancel();
}

asio::awaitable<void> HealthMonitor::resolved(std::chrono::milliseconds limit) {
    const std::shared_ptr<Core> core = core_;
    const auto deadline = SteadyClock::now() + limit;
    asio::steady_timer timer(core->context);
    const auto waits = [&core] {
        return std::any_of(core->watches.begin(), core->watches.end(), [](const auto& entry) {
            return entry.second->is_name() && !entry.second->looked_up;
        });
    };
    while (!core->stopping && waits() && SteadyClock::now() < deadline) {
        timer.expires_after(std::chrono::milliseconds(2));
        error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

std::size_t HealthMonitor::lookups() const noexcept {
    return *core_->lookups;
}

TargetReport HealthMonitor::report(const route::Target& target) const {
    TargetReport report;
    if (const auto known = core_->watches.find(target.id()); known != core_->watches.end()) {
        const Watch& watch = *known->second;
        report = watch.report;
        if (report.error.empty() && !watch.resolve_error.empty() && report.checked_at) {
            report.error = watch.resolve_error + " (using the addresses of before)";
        }
    } else {
        report.health = target.health();
    }
    for (const route::SocketAddress& address : target.addresses()) {
        report.resolved.push_back(to_string(address));
    }
    return report;
}

void HealthMonitor::on_change(ChangeCallback callback) {
    core_->callback = std::move(callback);
}

asio::awaitable<void> HealthMonitor::stop() {
    const std::shared_ptr<Core> core = core_;
    core->stopping = true;
    core->cancel_all();
    while (core->running > 0) {
        error_code ignored;
        co_await core->all_ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

}  // namespace switchyard::upstream
