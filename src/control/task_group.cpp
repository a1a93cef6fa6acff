#include "control/task_group.hpp"

#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;

namespace {

void log_failure(const std::string& name, const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
        if (error.code() == asio::error::operation_aborted) return;
        spdlog::error("task_failed task={} error=\"{}\"", name, error.what());
    } catch (const std::exception& error) {
        spdlog::error("task_failed task={} error=\"{}\"", name, error.what());
    }
}

}  // namespace

TaskGroup::TaskGroup(asio::any_io_executor executor) : executor_(executor), ended_(executor) {}

void TaskGroup::spawn(std::string name, asio::awaitable<void> task) {
    const auto entry = tasks_.emplace(tasks_.end());
    entry->name = std::move(name);
    auto on_end = [this, entry](const std::exception_ptr& failure) {
        if (failure) log_failure(entry->name, failure);
        // Later: the ending coroutine still refers to the signal.
        asio::post(executor_, [this, entry] {
            tasks_.erase(entry);
            ended_.notify();
        });
    };
    asio::co_spawn(executor_, std::move(task),
                   asio::bind_cancellation_slot(entry->signal.slot(), std::move(on_end)));
}

void TaskGroup::cancel() {
    for (Task& task : tasks_)
        task.signal.emit(asio::cancellation_type::terminal);
}

asio::awaitable<void> TaskGroup::wait() {
    while (!tasks_.empty())
        co_await ended_.wait();
}

asio::awaitable<void> TaskGroup::wait_until(std::chrono::steady_clock::time_point deadline) {
    if (!tasks_.empty()) co_await ended_.wait_until(deadline);
}

}  // namespace switchyard::control
