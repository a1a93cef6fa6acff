#include "control/store_thread.hpp"

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace switchyard::control {

namespace asio = boost::asio;

namespace {

template <class F>
auto no_throw(F work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::exception& error) {
        return Error(std::string("state: ") + error.what());
    }
}

}  // namespace

StoreThread::StoreThread(std::unique_ptr<state::Store> store) : store_(std::move(store)) {}

StoreThread::~StoreThread() {
    thread_.join();
}

template <class R>
asio::awaitable<R> StoreThread::run(std::function<R()> work) {
    const asio::any_io_executor home = co_await asio::this_coro::executor;
    // The result lives here, in the waiting frame: the handler only says that it is there.
    std::optional<R> result;
    auto start = [this, home, &work, &result](auto handler) {
        auto alive = asio::prefer(home, asio::execution::outstanding_work.tracked);
        asio::post(thread_, [alive = std::move(alive), &work, &result,
                             handler = std::move(handler)]() mutable {
            result.emplace(work());
            asio::post(alive, std::move(handler));
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(start),
                                                                         asio::use_awaitable);
    co_return std::move(*result);
}

template <class R>
asio::awaitable<R> StoreThread::write(std::function<R()> work) {
    R result = co_await run(std::move(work));
    if (result && on_written_) on_written_();
    co_return result;
}

asio::awaitable<Result<std::int64_t>> StoreThread::commit(std::string service,
                                                          state::ServiceRecord record,
                                                          state::HistoryEntry entry) {
    std::function<Result<std::int64_t>()> work = [&] {
        return no_throw([&] { return store_->commit(service, record, entry); });
    };
    co_return co_await write(std::move(work));
}

asio::awaitable<Result<std::int64_t>> StoreThread::commit_all(
    std::map<std::string, state::ServiceRecord> records, state::HistoryEntry entry) {
    std::function<Result<std::int64_t>()> work = [&] {
        return no_throw([&] { return store_->commit_all(records, entry); });
    };
    co_return co_await write(std::move(work));
}

asio::awaitable<Result<std::int64_t>> StoreThread::append(state::HistoryEntry entry) {
    std::function<Result<std::int64_t>()> work = [&] {
        return no_throw([&] { return store_->append(entry); });
    };
    co_return co_await write(std::move(work));
}

asio::awaitable<Result<void>> StoreThread::finish(std::int64_t id, std::string outcome,
                                                  std::string detail, std::string receipt) {
    std::function<Result<void>()> work = [&] {
        return no_throw([&] { return store_->finish(id, outcome, detail, receipt); });
    };
    co_return co_await write(std::move(work));
}

asio::awaitable<Result<void>> StoreThread::progress(std::int64_t id, std::string outcome,
                                                    std::string detail, std::string receipt,
                                                    state::SlotRelease holds) {
    std::function<Result<void>()> work = [&] {
        return no_throw([&] { return store_->progress(id, outcome, detail, receipt, holds); });
    };
    co_return co_await write(std::move(work));
}

asio::awaitable<Result<std::vector<state::HistoryEntry>>> StoreThread::history(std::string service,
                                                                               std::size_t limit) {
    std::function<Result<std::vector<state::HistoryEntry>>()> work = [&] {
        return no_throw([&] { return store_->history(service, limit); });
    };
    co_return co_await run(std::move(work));
}

asio::awaitable<config::LoadResult> StoreThread::load(
    std::function<config::LoadResult(const std::string&)> loader, std::string file) {
    std::function<config::LoadResult()> work = [&] {
        try {
            return loader(file);
        } catch (const std::exception& error) {
            config::LoadResult failed;
            failed.problems.push_back({file, 0, 0, error.what()});
            return failed;
        }
    };
    co_return co_await run(std::move(work));
}

}  // namespace switchyard::control
