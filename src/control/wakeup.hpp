#pragma once

#include <chrono>
#include <list>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace switchyard::control {

/// A condition that coroutines of one thread wait for. A wait may end without a notification (at
/// its deadline, or because of somebody else's): callers look at their condition again.
class Wakeup {
  public:
    explicit Wakeup(boost::asio::any_io_executor executor);

    /// Until the next notify().
    boost::asio::awaitable<void> wait();
    /// Until the next notify(), at most until `deadline`.
    boost::asio::awaitable<void> wait_until(std::chrono::steady_clock::time_point deadline);
    boost::asio::awaitable<void> wait_for(std::chrono::steady_clock::duration duration);

    /// Wakes everybody who waits now.
    void notify();

  private:
    using Waiting = std::list<boost::asio::steady_timer*>;

    boost::asio::any_io_executor executor_;
    std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

/// Mutual exclusion between coroutines of one thread.
class AsyncMutex {
  public:
    explicit AsyncMutex(boost::asio::any_io_executor executor);

    class Lock {
      public:
        explicit Lock(AsyncMutex& mutex) : mutex_(&mutex) {}
        Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
        Lock& operator=(Lock&&) = delete;
        ~Lock() {
            if (mutex_ != nullptr) mutex_->unlock();
        }

      private:
        AsyncMutex* mutex_;
    };

    boost::asio::awaitable<Lock> lock();

  private:
    void unlock();

    bool locked_ = false;
    Wakeup unlocked_;
};

}  // namespace switchyard::control
