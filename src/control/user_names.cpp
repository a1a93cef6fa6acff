#include "control/user_names.hpp"

#include "control/peer.hpp"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace switchyard::control {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto kPatience = 300ms;
constexpr auto kLook = 2ms;
constexpr auto kPatienceAtEnd = 200ms;

}  // namespace

/// What the control thread and the asking thread share; either may go first.
struct UserNames::Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::uint32_t> wanted;
    std::map<std::uint32_t, std::string> answers;
    bool stop = false;
    bool ended = false;
    std::thread thread;

    static void run(std::shared_ptr<Shared> self) {
        // Signals are the control thread's.
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        std::unique_lock lock(self->mutex);
        for (;;) {
            self->changed.wait(lock, [&self] { return self->stop || !self->wanted.empty(); });
            if (self->stop) break;
            const std::uint32_t uid = *self->wanted.begin();
            lock.unlock();
            std::string name = user_name(uid);
            lock.lock();
            self->wanted.erase(uid);
            self->answers[uid] = std::move(name);
        }
        self->ended = true;
        self->changed.notify_all();
    }

    std::optional<std::string> answer(std::uint32_t uid) {
        const std::lock_guard lock(mutex);
        const auto found = answers.find(uid);
        if (found == answers.end()) return std::nullopt;
        return found->second;
    }
};

UserNames::UserNames(asio::any_io_executor executor) : executor_(std::move(executor)) {}

UserNames::~UserNames() {
    (void)close();
}

asio::awaitable<std::string> UserNames::of(std::uint32_t uid) {
    if (const auto known = known_.find(uid); known != known_.end()) co_return known->second;
    if (!shared_) {
        shared_ = std::make_shared<Shared>();
        try {
            shared_->thread = std::thread(&Shared::run, shared_);
        } catch (const std::system_error&) {
            shared_.reset();
            co_return std::string();
        }
    }
    const std::shared_ptr<Shared> shared = shared_;
    {
        const std::lock_guard lock(shared->mutex);
        if (!shared->answers.contains(uid)) shared->wanted.insert(uid);
        shared->changed.notify_all();
    }
    asio::steady_timer timer(executor_);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    std::optional<std::string> name = shared->answer(uid);
    while (!name && std::chrono::steady_clock::now() < deadline) {
        timer.expires_after(kLook);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        name = shared->answer(uid);
    }
    if (name && !name->empty()) known_[uid] = *name;
    co_return name.value_or(std::string());
}

bool UserNames::close() {
    const std::shared_ptr<Shared> shared = std::exchange(shared_, nullptr);
    if (!shared) return true;
    bool ended = false;
    {
        std::unique_lock lock(shared->mutex);
        shared->stop = true;
        shared->changed.notify_all();
        ended = shared->changed.wait_for(lock, kPatienceAtEnd, [&shared] { return shared->ended; });
    }
    if (ended) {
        shared->thread.join();
    } else {
        shared->thread.detach();
    }
    return ended;
}

}  // namespace switchyard::control
