#include "relay/hold_queue.hpp"

namespace switchyard::relay {

namespace {

/// Requests that go on in one round of the loop, besides as many as came: so the queue becomes
/// shorter by this in each round, however many come.
constexpr std::uint64_t kInTurn = 64;

}  // namespace

HoldQueue::HoldQueue(net::EventLoop& loop, std::size_t worker,
                     std::shared_ptr<route::HoldRoom> room, std::function<bool()> still_held)
    : loop_(loop),
      room_(std::move(room)),
      cell_(room_->cell(worker)),
      still_held_(std::move(still_held)) {}

HoldQueue::~HoldQueue() = default;

bool HoldQueue::enter(Held& held, std::uint64_t bytes, const config::Hold* limits) noexcept {
    if (limits == nullptr) {
        room_->enter_anyway(bytes);
    } else if (!room_->enter(bytes, limits->requests, limits->bytes)) {
        cell_.full.add();
        return false;
    }
    held.bytes = bytes;
    held.since_ns = net::EventLoop::now_ns();
    held.ticket = next_ticket_++;
    held.due = held.hold = 0;
    held.place = this;
    cell_.held.add();
    ++arrivals_;
    return true;
}

void HoldQueue::limit(Held& held, std::uint64_t hold, std::chrono::milliseconds wait) noexcept {
    held.hold = hold;
    if (held.due == 0) held.due = loop_.timers().after(wait);
}

/// Nearly always at the end. One that is held a second time was at the front before.
void HoldQueue::insert(Held& held, std::coroutine_handle<> waiter) noexcept {
    held.waiter = waiter;
    held.queue = this;
    Held* after = last_;
    while (after != nullptr && after->ticket > held.ticket)
        after = after->previous;
    held.previous = after;
    held.next = after != nullptr ? after->next : first_;
    if (held.previous != nullptr) {
        held.previous->next = &held;
    } else {
        first_ = &held;
        cell_.oldest_ns.set(held.since_ns);
    }
    if (held.next != nullptr) {
        held.next->previous = &held;
    } else {
        last_ = &held;
    }
    if (held.due != 0) loop_.timers().schedule(*this, held.due);
    // Nobody would look again if this is the first one behind a release that has just ended.
    if (!still_held_()) look();
}

void HoldQueue::remove(Held& held) noexcept {
    if (held.previous != nullptr) {
        held.previous->next = held.next;
    } else {
        first_ = held.next;
        cell_.oldest_ns.set(first_ != nullptr ? first_->since_ns : 0);
    }
    if (held.next != nullptr) {
        held.next->previous = held.previous;
    } else {
        last_ = held.previous;
    }
    held.previous = held.next = nullptr;
    held.queue = nullptr;
}

void HoldQueue::end(Held& held, Held::End how) noexcept {
    if (held.queue != this) return;
    remove(held);
    held.end = how;
    loop_.resume_soon(std::exchange(held.waiter, nullptr));
}

std::uint64_t HoldQueue::leave(Held& held) noexcept {
    const std::uint64_t waited_us = (net::EventLoop::now_ns() - held.since_ns) / 1000;
    cell_.wait_us.add(waited_us);
    if (held.hold != 0) {
        if (cell_.hold.get() != held.hold) {
            cell_.hold.set(held.hold);
            cell_.longest_us.set(0);
        }
        if (waited_us > cell_.longest_us.get()) cell_.longest_us.set(waited_us);
    }
    room_->leave(held.bytes);
    held.place = nullptr;
    return waited_us;
}

void HoldQueue::look() {
    if (empty() || still_held_() || (releasing_.started() && !releasing_.done())) return;
    releasing_.start(release_all());
}

Task<void> HoldQueue::release_all() {
    // First whoever else is concerned by the present round; the one who calls is not done yet.
    co_await loop_.yield();
    arrivals_ = 0;
    while (!empty() && !still_held_()) {
        const std::uint64_t in_turn = kInTurn + std::exchange(arrivals_, 0);
        for (std::uint64_t i = 0; i < in_turn && !empty() && !still_held_(); ++i) {
            end(*first_, Held::End::released);
        }
        co_await loop_.yield();
    }
}

/// Times differ, since a reload may change them: all are looked at, once a second at least.
std::uint64_t HoldQueue::on_tick(std::uint64_t now) {
    std::uint64_t next = 0;
    for (Held* held = first_; held != nullptr;) {
        Held* const following = held->next;
        if (held->due != 0 && held->due <= now) {
            end(*held, Held::End::timed_out);
        } else if (held->due != 0 && (next == 0 || held->due < next)) {
            next = held->due;
        }
        held = following;
    }
    return next;
}

}  // namespace switchyard::relay
