#include "control/wakeup.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace switchyard::control {

namespace asio = boost::asio;

Wakeup::Wakeup(asio::any_io_executor executor) : executor_(std::move(executor)) {}

asio::awaitable<void> Wakeup::wait() {
    co_await wait_until(std::chrono::steady_clock::time_point::max());
}

asio::awaitable<void> Wakeup::wait_for(std::chrono::steady_clock::duration duration) {
    co_await wait_until(std::chrono::steady_clock::now() + duration);
}

asio::awaitable<void> Wakeup::wait_until(std::chrono::steady_clock::time_point deadline) {
    asio::steady_timer timer(executor_, deadline);
    // The list is shared so that a wait that is torn down after its Wakeup still finds it.
    struct Entry {
        std::shared_ptr<Waiting> list;
        Waiting::iterator position;
        ~Entry() { list->erase(position); }
    };
    const Entry entry{waiting_, waiting_->insert(waiting_->end(), &timer)};
    [[maybe_unused]] const auto result =
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

void Wakeup::notify() {
    for (asio::steady_timer* timer : *waiting_)
        timer->cancel();
}

AsyncMutex::AsyncMutex(asio::any_io_executor executor) : unlocked_(std::move(executor)) {}

asio::awaitable<AsyncMutex::Lock> AsyncMutex::lock() {
    while (locked_)
        co_await unlocked_.wait();
    locked_ = true;
    co_return Lock(*this);
}

void AsyncMutex::unlock() {
    locked_ = false;
    unlocked_.notify();
}

}  // namespace switchyard::control
