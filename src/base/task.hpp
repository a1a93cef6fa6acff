#pragma once

#include "base/frame_pool.hpp"

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

/// Coroutines of the data path: lazy, single-threaded, resumed by the event loop of one worker.
/// (The control side uses Asio's own.) A coroutine that never waits costs one frame from a
/// thread-local pool and no trip through a scheduler.
///
/// g++ 12 rules: no co_await in initializer lists, conditional operators or default arguments;
/// no capturing lambda as a coroutine; parameters by value or as references that outlive it.
namespace switchyard {

template <class T = void>
class Task;

namespace detail {

struct PromiseBase {
    std::coroutine_handle<> continuation;
    std::exception_ptr exception;
    /// Set while the awaiting coroutine is still inside await_suspend. A task that ends in this
    /// phase doesn't resume its parent: the parent sees `done` and goes on by itself, so a loop
    /// over tasks that never wait does not grow the stack, with or without tail calls.
    bool inline_phase = false;

    struct FinalAwaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            PromiseBase& promise = self.promise();
            if (!promise.inline_phase && promise.continuation) promise.continuation.resume();
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() noexcept { return {}; }
    FinalAwaiter final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { exception = std::current_exception(); }

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept {
        release_frame(frame, size);
    }
};

template <class T>
struct Promise : PromiseBase {
    std::optional<T> value;
    Task<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object() noexcept;
    void return_void() noexcept {}
    void take() noexcept {}
};

}  // namespace detail

/// The result of a coroutine that has not started yet; co_await starts it and gives its value or
/// rethrows what it threw. Destroying a task destroys its frame: never while it waits for an event.
template <class T>
class [[nodiscard]] Task {
  public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle handle) noexcept : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            if (handle_) handle_.destroy();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() {
        if (handle_) handle_.destroy();
    }

    struct Awaiter {
        Handle child;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> parent) const {
            detail::PromiseBase& promise = child.promise();
            promise.continuation = parent;
            promise.inline_phase = true;
            child.resume();
            if (child.done()) return false;
            promise.inline_phase = false;
            return true;
        }
        T await_resume() const {
            promise_type& promise = child.promise();
            if (promise.exception) std::rethrow_exception(promise.exception);
            return promise.take();
        }
    };
    [[nodiscard]] Awaiter operator co_await() const& noexcept { return Awaiter{handle_}; }
    [[nodiscard]] Awaiter operator co_await() && noexcept { return Awaiter{handle_}; }

    /// For owners of root tasks (Fork).
    [[nodiscard]] Handle handle() const noexcept { return handle_; }

  private:
    Handle handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
    return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
    return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}
}  // namespace detail

/// A task that runs beside its owner on the same thread: a connection, or an upload while the
/// response is read. The owner keeps the Fork until done(); `on_done` (may be null) is called once,
/// when the task ended, and may destroy the Fork.
class Fork {
  public:
    using Callback = void (*)(void* context);

    Fork() = default;
    Fork(const Fork&) = delete;
    Fork& operator=(const Fork&) = delete;
    ~Fork() { destroy(); }

    /// Runs the task until it first waits. One task at a time.
    void start(Task<void> task, Callback on_done = nullptr, void* context = nullptr) {
        destroy();
        done_ = false;
        exception_ = nullptr;
        on_done_ = on_done;
        context_ = context;
        root_ = run(std::move(task)).handle;
        root_.resume();
    }

    [[nodiscard]] bool started() const noexcept { return root_ != nullptr; }
    [[nodiscard]] bool done() const noexcept { return done_; }

    /// Waits for the end of the task; at most one waiter.
    [[nodiscard]] auto join() noexcept {
        struct Awaiter {
            Fork& fork;
            [[nodiscard]] bool await_ready() const noexcept { return fork.done_; }
            void await_suspend(std::coroutine_handle<> waiter) const noexcept {
                fork.waiter_ = waiter;
            }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this};
    }

    /// What the task threw, if it did; valid once done().
    [[nodiscard]] std::exception_ptr exception() const noexcept { return exception_; }

  private:
    /// The coroutine around the task. Its end is announced from its final suspension, where its
    /// frame may be destroyed.
    struct Root {
        struct promise_type {
            Fork& fork;

            // Parameters of the coroutine, its object first.
            promise_type(Fork& owner, Task<void>&) noexcept : fork(owner) {}

            struct FinalAwaiter {
                [[nodiscard]] bool await_ready() const noexcept { return false; }
                void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
                    self.promise().fork.finish();
                }
                void await_resume() const noexcept {}
            };
            Root get_return_object() noexcept {
                return Root{std::coroutine_handle<promise_type>::from_promise(*this)};
            }
            std::suspend_always initial_suspend() noexcept { return {}; }
            FinalAwaiter final_suspend() noexcept { return {}; }
            void return_void() noexcept {}
            void unhandled_exception() noexcept { fork.exception_ = std::current_exception(); }
            static void* operator new(std::size_t size) { return allocate_frame(size); }
            static void operator delete(void* frame, std::size_t size) noexcept {
                release_frame(frame, size);
            }
        };
        std::coroutine_handle<promise_type> handle;
    };

    Root run(Task<void> task) { co_await task; }

    void finish() noexcept {
        done_ = true;
        if (waiter_) {
            std::exchange(waiter_, nullptr).resume();
        } else if (on_done_ != nullptr) {
            on_done_(context_);
        }
    }

    void destroy() noexcept {
        if (root_) std::exchange(root_, nullptr).destroy();
    }

    std::coroutine_handle<Root::promise_type> root_;
    std::coroutine_handle<> waiter_;
    std::exception_ptr exception_;
    Callback on_done_ = nullptr;
    void* context_ = nullptr;
    bool done_ = true;
};

}  // namespace switchyard
