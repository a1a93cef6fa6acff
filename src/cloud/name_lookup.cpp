#include "cloud/name_lookup.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <mutex>
#include <netdb.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace switchyard::cloud {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// The control thread's half.
struct NameLookup::Waiter {
    explicit Waiter(asio::io_context& context)
        : done(context, asio::steady_timer::time_point::max()) {}
    asio::steady_timer done;  ///< Never expires; cancelled when there is something to know.
    bool answered = false;
    error_code error = asio::error::operation_aborted;
    Addresses addresses;
};

/// What the thread shares with the control thread; it may live longer than everything else.
struct NameLookup::Question {
    std::string host;
    std::string port;
    std::mutex mutex;
    asio::io_context* context = nullptr;  ///< Null: nobody wants to know any more.
    std::function<void(error_code, Addresses)> tell;
};

namespace {

error_code error_of(int failure, int system_error) {
    switch (failure) {
        case 0:
            return {};
        case EAI_SYSTEM:
            return {system_error, boost::system::system_category()};
        case EAI_MEMORY:
            return asio::error::no_memory;
        case EAI_AGAIN:
            return asio::error::host_not_found_try_again;
        case EAI_FAIL:
            return asio::error::no_recovery;
        default:
            return asio::error::host_not_found;
    }
}

NameLookup::Addresses ask(const std::string& host, const std::string& port, error_code& error) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    error = error_of(failure, errno);
    NameLookup::Addresses addresses;
    if (failure != 0) return addresses;
    for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
        tcp::endpoint& address = addresses.emplace_back();
        address.resize(item->ai_addrlen);
        std::memcpy(address.data(), item->ai_addr, item->ai_addrlen);
    }
    ::freeaddrinfo(found);
    return addresses;
}

}  // namespace

NameLookup::NameLookup(asio::io_context& context)
    : context_(context), waiter_(std::make_shared<Waiter>(context)) {}

NameLookup::~NameLookup() {
    cancel();
}

asio::awaitable<error_code> NameLookup::run(std::string host, std::uint16_t port) {
    const std::shared_ptr<Waiter> waiter = waiter_;
    error_code failed;
    const asio::ip::address address = asio::ip::make_address(host, failed);
    if (!failed) {
        waiter->addresses.emplace_back(address, port);
        co_return error_code();
    }
    const auto question = std::make_shared<Question>();
    question_ = question;
    question->host = std::move(host);
    question->port = std::to_string(port);
    question->context = &context_;
    question->tell = [waiter](error_code error, Addresses addresses) {
        waiter->answered = true;
        waiter->error = error;
        waiter->addresses = std::move(addresses);
        waiter->done.cancel();
    };
    try {
        std::thread([question] {
            sigset_t all;
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
            error_code error;
            Addresses addresses = ask(question->host, question->port, error);
            const std::lock_guard lock(question->mutex);
            if (question->context == nullptr) return;
            asio::post(*question->context,
                       [tell = std::exchange(question->tell, nullptr), error,
                        found = std::move(addresses)]() mutable { tell(error, std::move(found)); });
        }).detach();
    } catch (const std::system_error&) {
        co_return asio::error::no_memory;
    }
    error_code ignored;
    if (!waiter->answered) {
        co_await waiter->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return waiter->error;
}

void NameLookup::cancel() {
    if (question_) {
        const std::lock_guard lock(question_->mutex);
        question_->context = nullptr;
        question_->tell = nullptr;
    }
    question_.reset();
    waiter_->done.cancel();
}

const NameLookup::Addresses& NameLookup::addresses() const noexcept {
    return waiter_->addresses;
}

}  // namespace switchyard::cloud
