// Whether, when and where a request that failed is tried again (C10).
#include "relay/relay.hpp"

#include <algorithm>

namespace switchyard::relay {

namespace {

using std::chrono::milliseconds;

/// However often it has been tried.
constexpr milliseconds kLongestBackoff{1000};

milliseconds since(std::uint64_t tick, std::uint64_t now) noexcept {
    return net::TimerWheel::kTick * static_cast<int>(now - tick);
}

/// A client of the canary goes to live after a try that failed.
bool has_elsewhere_to_go(const Flight& flight, std::uint64_t now_ns) noexcept {
    if (flight.way == route::Way::canary) return true;
    return upstream::has_usable_target(*flight.slot, now_ns, flight.tried);
}

}  // namespace

http::TryFacts try_facts(const Flight& flight) noexcept {
    http::TryFacts facts;
    facts.idempotent = flight.exchange->request().idempotent;
    // Before anything was sent all of it is.
    facts.body_at_hand = !flight.connection || flight.body_at_hand();
    facts.heard = flight.connection && flight.connection->exchange().received_anything();
    facts.answered = flight.exchange->head_sent() || flight.interim_sent;
    return facts;
}

/// Whether it is tried again. If so, the try is taken out of the budget.
bool Relay::may_retry(Flight& flight, http::TryFailure failure) {
    const config::Retries& retries = flight.service->config->retries;
    if (flight.retries >= retries.attempts) return false;
    if (!http::safe_to_retry(failure, try_facts(flight))) return false;
    const std::uint64_t now_ns = net::EventLoop::now_ns();
    // Where a target is left that nothing speaks against, a request that no target has seen only
    // moves: that is no load that the slot would not have without it.
    if (failure == http::TryFailure::not_connected && has_elsewhere_to_go(flight, now_ns)) {
        return true;
    }
    if (flight.service->budget->take(retries, now_ns)) return true;
    flight.metrics->cell(worker_.index).retries_denied.add();
    return false;
}

/// Twice as long each time, and up to a half less, so that those that failed together don't come
/// back together. Nothing where there is a target that was not tried.
milliseconds Relay::backoff(const Flight& flight) {
    const milliseconds first = flight.service->config->retries.backoff;
    const std::uint64_t now_ns = net::EventLoop::now_ns();
    if (first.count() == 0 || has_elsewhere_to_go(flight, now_ns)) return milliseconds(0);
    const milliseconds longest =
        std::min(first * (1 << std::min(flight.retries, 10U)), std::max(first, kLongestBackoff));
    const auto range = static_cast<std::uint64_t>(longest.count()) / 2 + 1;
    return longest - milliseconds(worker_.random.next() % range);
}

/// Gives the lease back, waits where that is sensible, and decides anew: the live slot may be
/// another one by now. False: the request has got its answer.
Task<bool> Relay::prepare_retry(Flight& flight, Attempt result) {
    flight.metrics->cell(worker_.index).retries.add();
    milliseconds pause(0);
    if (result == Attempt::stale) {
        flight.fresh_connection = true;
    } else {
        pause = backoff(flight);
        ++flight.retries;
        flight.canary.failed |= flight.way == route::Way::canary;
    }
    const std::uint64_t now = worker_.loop.timers().now();
    if (flight.head_tick != 0) flight.waited_ticks += now - flight.head_tick;
    flight.head_tick = 0;
    flight.try_over = false;
    flight.connection.reset();
    flight.move_on();
    if (pause.count() != 0) {
        flight.watch_client();
        if (!flight.client_gone && !flight.was_cut) {
            co_await flight.pause.wait(worker_.loop, pause);
        }
        flight.exchange->watch_client(nullptr, nullptr);
        if (flight.was_cut) {
            co_await fail(flight, observe::Outcome::cut, 503, "drained");
            co_return false;
        }
        if (flight.client_gone) {
            co_await fail(flight, observe::Outcome::client_abort, 0, "client_closed");
            co_return false;
        }
    }
    const Entry entry = bind(flight);
    if (entry == Entry::bound) co_return true;
    const bool admitted = co_await admit(flight, entry);
    co_return admitted;
}

/// A try that another one may follow gets no more time for its connection than for all of it.
milliseconds Relay::connect_limit(const Flight& flight) const {
    const config::Service& config = *flight.service->config;
    const milliseconds connect = config.timeouts.connect;
    const milliseconds one = config.retries.try_timeout;
    if (one.count() == 0 || flight.retries >= config.retries.attempts) return connect;
    return std::min(connect, one);
}

/// The waits of all tries together take no longer than one may.
Relay::HeadLimits Relay::head_limits(Flight& flight) const {
    const config::Service& config = *flight.service->config;
    const std::uint64_t now = worker_.loop.timers().now();
    flight.head_tick = now;
    HeadLimits limits{config.timeouts.response_head, config.timeouts.response_head};
    if (flight.waited_ticks != 0) {
        limits.whole -= since(0, flight.waited_ticks);
        limits.whole = std::max(limits.whole, milliseconds(1));
        limits.first = limits.whole;
    }
    const milliseconds one = config.retries.try_timeout;
    if (one.count() == 0 || !flight.upload_complete || flight.retries >= config.retries.attempts ||
        !http::safe_to_retry(http::TryFailure::timed_out, try_facts(flight))) {
        return limits;
    }
    const milliseconds left = one - since(flight.try_tick, now);
    limits.first = std::clamp(left, milliseconds(1), limits.whole);
    return limits;
}

/// A response with a status that is tried again: lets go of it, if that may be. False: it is the
/// answer.
Task<bool> Relay::give_up_answer(Flight& flight) {
    const config::Service& config = *flight.service->config;
    const auto& statuses = config.retries.statuses;
    const bool listed =
        std::find(statuses.begin(), statuses.end(), flight.response.status) != statuses.end();
    // An answer before the end of an upload mostly means that the origin won't read it.
    if (!listed || !flight.upload_complete || flight.was_cut || flight.client_gone) co_return false;
    if (!may_retry(flight, http::TryFailure::status)) co_return false;
    co_await stop_upload(flight);
    if (!flight.first_piece.last) flight.rewind_body();
    // A short answer is at hand, and its connection as good as before.
    http::Chunk piece;
    if (flight.connection->exchange().body().take_received(piece) && piece.last &&
        piece.fault == http::Fault::none) {
        keep_connection(flight);
    }
    co_return true;
}

/// What an answer, or that there is none, says of its target (ejection.errors).
void Relay::judge(Flight& flight, bool good) {
    const config::Ejection& policy = flight.service->config->ejection;
    if (policy.errors == 0) return;
    route::Target& target = *flight.target;
    if (good) return target.answer_succeeded();
    const std::uint64_t now_ns = net::EventLoop::now_ns();
    // What was under way when it was ejected is part of why it was, and not the beginning of more.
    if (!target.ejected(now_ns) && target.answer_failed(policy.errors)) {
        flight.service->outliers->eject(flight.slot->targets, target, route::Ejected::Why::errors,
                                        policy, now_ns);
    }
}

/// At the end of an answer whose head came, once. One of 5xx was judged by its head already, so
/// that another try could take the verdict into account. What broke since we or the client gave up
/// says nothing against the target.
void Relay::judge_answer(Flight& flight, bool broken) {
    if (flight.response.status >= 500) return;
    const bool ours =
        flight.was_cut || flight.client_gone || flight.upload_client_fault != http::Fault::none;
    judge(flight, !broken || ours);
}

}  // namespace switchyard::relay
