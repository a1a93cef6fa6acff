// The drains that follow a change: they belong to the controller, and end in the history, in the
// events, and in the asker's stream if there still is one.
#include "base/log.hpp"
#include "control/controller.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/serialize.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

std::int64_t elapsed_ms(const DrainJob& job) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(job.drain.elapsed(Steady::now()))
        .count();
}

json::object draining_json(const DrainJob& job) {
    json::object line;
    line["event"] = "draining";
    line["service"] = job.service;
    line["slot"] = to_string(job.slot);
    line["epoch"] = job.epoch;
    line["in_flight"] = job.drain.in_flight();
    line["tunnels"] = job.drain.tunnels();
    line["elapsed_ms"] = elapsed_ms(job);
    line["timeout_ms"] = job.drain.timing().timeout.count();
    return line;
}

json::object tunnels_json(config::TunnelDrain policy, const DrainCounts& counts) {
    json::object object;
    object["policy"] = config::to_string(policy);
    object["ended"] = counts.tunnels.ended;
    object["closed"] = counts.tunnels.closed;
    object["cut"] = counts.tunnels.cut;
    object["remaining"] = counts.tunnels.remaining;
    return object;
}

}  // namespace

std::vector<std::shared_ptr<route::Ledger>> Controller::undrained(const std::string& service,
                                                                  Colour slot) const {
    const auto state = routing_.find(service);
    std::vector<std::shared_ptr<route::Ledger>> ledgers = routing_.ledgers(service, slot);
    std::erase_if(ledgers, [&](const auto& ledger) {
        // The ledger in force belongs to the idle slot of the new epoch: nobody's past.
        if (state && state->slot(slot) != nullptr && state->slot(slot)->ledger == ledger) {
            return true;
        }
        const auto has_it = [&](const auto& job) {
            const auto& taken = job->drain.ledgers();
            return std::find(taken.begin(), taken.end(), ledger) != taken.end();
        };
        return std::any_of(drains_.begin(), drains_.end(), has_it) ||
               std::any_of(kept_.begin(), kept_.end(), has_it);
    });
    return ledgers;
}

std::shared_ptr<DrainJob> Controller::begin_drain(
    const std::string& service, Colour slot, std::uint64_t epoch, std::chrono::milliseconds timeout,
    const config::Service& config, std::vector<std::shared_ptr<route::Ledger>> ledgers) {
    DrainTiming timing = tuning_.drain;
    timing.timeout = timeout;
    timing.tunnels = config.drain_tunnels;
    auto job =
        std::make_shared<DrainJob>(executor_, Drain(std::move(ledgers), timing, Steady::now()));
    job->service = service;
    job->slot = slot;
    job->epoch = epoch;
    job->since = Wall::now();
    job->deadline = job->since + timeout;
    job->drain_timeout = config.drain_timeout;
    job->keep_tunnels = config.keep_tunnels;
    drains_.push_back(job);
    return job;
}

void Controller::hold_drains(const std::string& service, Colour slot, bool held) {
    for (const auto& job : drains_) {
        if (job->service != service || job->slot != slot) continue;
        job->drain.hold(held);
        job->wake.notify();
    }
}

void Controller::cancel_drains(const std::string& service, Colour slot) {
    for (const auto& job : drains_) {
        if (job->service != service || job->slot != slot) continue;
        job->drain.cancel();
        job->wake.notify();
    }
    for (const auto& job : kept_) {
        if (job->service != service || job->slot != slot) continue;
        job->drain.cancel();
        job->wake.notify();
    }
}

void Controller::let_tunnels_go(const std::string& service, Colour slot) {
    for (const auto& job : kept_) {
        if (job->service != service || job->slot != slot) continue;
        job->let_go = true;
        job->wake.notify();
    }
}

/// After the drain of its requests: the tunnels of the old slot live on, up to a limit.
asio::awaitable<void> Controller::keep_tunnels(std::shared_ptr<DrainJob> job) {
    const Steady::time_point until = Steady::now() + job->keep_tunnels;
    job->ticket.reset();
    while (!stopping_ && !job->let_go && !job->drain.cancelled() && job->drain.tunnels() != 0) {
        const Steady::time_point now = Steady::now();
        if (now >= until) break;
        co_await job->wake.wait_for(std::min<Steady::duration>(tuning_.tick, until - now));
    }
    std::erase(kept_, job);
    drain_ended_.notify();
    const std::uint64_t left = job->drain.tunnels();
    const bool drains = left != 0 && !stopping_ && !job->drain.cancelled();
    spdlog::info("tunnels_kept_no_longer service={} slot={} epoch={} left={} reason={}",
                 log_value(job->service), to_string(job->slot), job->epoch, left,
                 left == 0                ? "ended"
                 : stopping_              ? "stop"
                 : job->drain.cancelled() ? "live_again"
                 : job->let_go            ? "slot_needed"
                                          : "limit");
    if (!drains) co_return;
    config::Service config;
    config.drain_timeout = job->drain_timeout;
    auto next = begin_drain(job->service, job->slot, job->epoch, job->drain_timeout, config,
                            job->drain.ledgers());
    co_await run_drain(std::move(next));
}

asio::awaitable<void> Controller::run_drain(std::shared_ptr<DrainJob> job) {
    bool interrupted = false;
    while (true) {
        const Drain::Next next = job->drain.advance(Steady::now());
        if (next.step == Drain::Step::done) break;
        if (stopping_) {
            interrupted = true;
            break;
        }
        if (next.step == Drain::Step::wait) {
            co_await job->wake.wait_for(next.pause);
        } else if (next.step == Drain::Step::progress) {
            json::object line = draining_json(*job);
            if (job->ticket) job->ticket->say(line_of(line));
            line["at"] = rfc3339(Wall::now());
            events_.publish(std::move(line));
        } else if (next.step == Drain::Step::close) {
            for (const auto& ledger : job->drain.ledgers()) {
                if (ledger->totals().open_tunnels() == 0) continue;
                tasks_.spawn("close_tunnels", ports_.publisher.close_tunnels(ledger, next.share));
            }
        } else {
            spdlog::warn("drain_deadline service={} slot={} epoch={} in_flight={} tunnels={}",
                         log_value(job->service), to_string(job->slot), job->epoch,
                         job->drain.in_flight(), job->drain.tunnels());
            const bool keeps = job->drain.timing().tunnels == config::TunnelDrain::keep;
            const auto tunnels = keeps ? route::Tunnels::spared : route::Tunnels::cut;
            // Not awaited: the drain's own grace decides how long it may take.
            for (const auto& ledger : job->drain.ledgers()) {
                if (ledger->totals().in_flight() == 0) continue;
                tasks_.spawn("cut", ports_.publisher.cut(ledger, tunnels));
            }
        }
    }
    const bool keeps = job->drain.timing().tunnels == config::TunnelDrain::keep;
    const bool kept = keeps && !interrupted && !job->drain.cancelled() && job->drain.tunnels() != 0;
    // Before the end is written: a rollback meanwhile must find it.
    if (kept) {
        job->deadline = Wall::now() + job->keep_tunnels;
        kept_.push_back(job);
    }
    co_await end_drain(job, interrupted);
    if (kept) co_await keep_tunnels(std::move(job));
}

asio::awaitable<void> Controller::end_drain(std::shared_ptr<DrainJob> job, bool interrupted) {
    const DrainCounts counts = job->drain.counts();
    const bool keeps = job->drain.timing().tunnels == config::TunnelDrain::keep;
    // By the policy tunnels may be cut, or live on; requests may not.
    const std::uint64_t unfinished = counts.remaining + (keeps ? 0 : counts.tunnels.remaining);
    const bool cancelled =
        job->drain.cancelled() && counts.remaining + counts.tunnels.remaining != 0;
    std::string outcome = "drained";
    if (cancelled) {
        outcome = "cancelled";
    } else if (interrupted) {
        outcome = "interrupted";
    } else if (counts.cut != 0 || unfinished != 0) {
        outcome = "cut";
    }

    json::object line;
    line["event"] = "drained";
    line["service"] = job->service;
    line["slot"] = to_string(job->slot);
    line["epoch"] = job->epoch;
    line["completed"] = counts.completed;
    line["cut"] = counts.cut;
    line["remaining"] = counts.remaining;
    line["cancelled"] = cancelled;
    line["tunnels"] = tunnels_json(job->drain.timing().tunnels, counts);
    line["elapsed_ms"] = elapsed_ms(*job);
    line["timeout_ms"] = job->drain.timing().timeout.count();
    line["last_on_old"] = nullptr;
    line["first_on_new"] = nullptr;
    const std::uint64_t last = routing_.last_entered(job->service, job->slot, job->epoch);
    if (last != 0) line["last_on_old"] = rfc3339(wall_of_steady(last));
    const std::uint64_t first = job->successor ? job->successor->totals().first_entered_ns : 0;
    if (first != 0) line["first_on_new"] = rfc3339(wall_of_steady(first));

    line["reserved_ip"] = reserved_ip(job->service);

    std::erase(drains_, job);
    drain_ended_.notify();
    ServiceEntry& entry = entries_[job->service];
    entry.drained_requests += counts.completed;
    entry.cut_requests += counts.cut;
    entry.last_drain_seconds =
        std::chrono::duration<double>(job->drain.elapsed(Steady::now())).count();
    spdlog::info(
        "drain_ended service={} slot={} epoch={} outcome={} completed={} cut={} remaining={} "
        "tunnels_ended={} tunnels_closed={} tunnels_cut={} tunnels_remaining={} elapsed_ms={}",
        log_value(job->service), to_string(job->slot), job->epoch, outcome, counts.completed,
        counts.cut, counts.remaining, counts.tunnels.ended, counts.tunnels.closed,
        counts.tunnels.cut, counts.tunnels.remaining, elapsed_ms(*job));

    json::object receipt = job->receipt;
    for (const auto& field : line) {
        if (field.key() != "event") receipt[field.key()] = field.value();
    }
    if (job->ticket) {
        job->ticket->say(line_of(line));
        job->ticket->lines.close();
    }
    line["at"] = rfc3339(Wall::now());
    events_.publish(std::move(line));

    if (job->history_id != 0) {
        LastRecord record;
        record.id = job->history_id;
        record.service = job->service;
        record.action = job->action;
        record.outcome = outcome;
        record.detail = job->detail;
        record.receipt = json::serialize(receipt);
        (void)co_await records_.write(std::move(record));
    }
}

}  // namespace switchyard::control
