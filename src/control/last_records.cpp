#include "control/last_records.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;

namespace {

/// More are not kept. While the disk is full nothing new begins, so there are about as many as
/// there were changes under way.
constexpr std::size_t kMost = 1'000;

void log_lost(const UnwrittenRecord& unwritten) {
    const LastRecord& record = unwritten.record;
    spdlog::error("history_lost id={} service={} action={} outcome={} detail={} error={}",
                  record.id, log_value(record.service), record.action, record.outcome,
                  log_value(record.detail), log_value(unwritten.error));
}

}  // namespace

LastRecords::LastRecords(asio::any_io_executor executor, StoreThread& store, RecordTiming timing)
    : store_(store), timing_(timing), wake_(std::move(executor)) {}

LastRecords::~LastRecords() {
    for (const UnwrittenRecord& unwritten : waiting_)
        log_lost(unwritten);
}

asio::awaitable<Result<void>> LastRecords::attempt(const LastRecord& record) {
    if (record.holds) {
        co_return co_await store_.progress(record.id, record.outcome, record.detail, record.receipt,
                                           *record.holds);
    }
    co_return co_await store_.finish(record.id, record.outcome, record.detail, record.receipt);
}

asio::awaitable<Result<void>> LastRecords::write(LastRecord record) {
    if (record.holds) superseded(record.holds->service, record.holds->slot);
    const Result<void> written = co_await attempt(record);
    if (!written) keep(std::move(record), written.error());
    co_return written;
}

void LastRecords::keep(LastRecord record, const Error& error) {
    spdlog::error("history_not_written id={} error={}", record.id, log_value(error.message));
    waiting_.push_back({std::move(record), error.message, Wall::now()});
    if (waiting_.size() > kMost) {
        log_lost(waiting_.front());
        waiting_.pop_front();
    }
    wake_.notify();
}

void LastRecords::superseded(const std::string& service, Colour slot) {
    for (UnwrittenRecord& unwritten : waiting_) {
        std::optional<state::SlotRelease>& holds = unwritten.record.holds;
        if (holds && holds->service == service && holds->slot == slot) holds.reset();
    }
}

void LastRecords::store_works() {
    if (waiting_.empty()) return;
    at_once_ = true;
    wake_.notify();
}

asio::awaitable<void> LastRecords::run() {
    std::chrono::milliseconds pause = timing_.first;
    while (!stopping_) {
        if (waiting_.empty()) {
            pause = timing_.first;
            at_once_ = false;
            co_await wake_.wait();
            continue;
        }
        const Steady::time_point due = Steady::now() + pause;
        while (!stopping_ && !at_once_ && Steady::now() < due)
            co_await wake_.wait_until(due);
        if (stopping_) break;
        at_once_ = false;
        co_await retry();
        pause = std::min(pause * 2, timing_.most);
    }
}

void LastRecords::stop() {
    stopping_ = true;
    wake_.notify();
}

asio::awaitable<void> LastRecords::retry() {
    // By id: the list may change while the store is at work.
    std::vector<std::int64_t> ids;
    for (const UnwrittenRecord& unwritten : waiting_)
        ids.push_back(unwritten.record.id);
    for (const std::int64_t id : ids) {
        const auto of_id = [id](const UnwrittenRecord& each) { return each.record.id == id; };
        const auto found = std::find_if(waiting_.begin(), waiting_.end(), of_id);
        if (found == waiting_.end()) continue;
        const LastRecord record = found->record;
        const Result<void> written = co_await attempt(record);
        const auto still = std::find_if(waiting_.begin(), waiting_.end(), of_id);
        if (still == waiting_.end()) continue;
        if (!written) {
            still->error = written.error().message;
            continue;
        }
        spdlog::info("history_written_late id={} service={} action={} outcome={}", record.id,
                     log_value(record.service), record.action, record.outcome);
        waiting_.erase(still);
    }
}

void LastRecords::correct(std::vector<state::HistoryEntry>& entries) const {
    for (const UnwrittenRecord& unwritten : waiting_) {
        for (state::HistoryEntry& entry : entries) {
            if (entry.id != unwritten.record.id) continue;
            entry.outcome = unwritten.record.outcome;
            entry.detail = unwritten.record.detail;
            entry.receipt = unwritten.record.receipt;
            entry.unwritten = unwritten.error;
        }
    }
}

}  // namespace switchyard::control
