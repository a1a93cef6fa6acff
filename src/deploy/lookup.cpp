#include "deploy/lookup.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <system_error>
#include <thread>

namespace switchyard::deploy {
namespace {

/// What both threads hold; either may go first.
struct Question {
    std::string host;
    std::string port;
    int flags = AI_ADDRCONFIG;
    Bell answered;
    // Written before `answered` rings.
    int error = 0;
    int system_error = 0;
    std::vector<SocketAddress> addresses;
};

void ask(Question& question) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = question.flags | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    question.error = ::getaddrinfo(question.host.c_str(), question.port.c_str(), &hints, &found);
    question.system_error = errno;
    if (question.error != 0) return;
    for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
        SocketAddress& address = question.addresses.emplace_back();
        address.size = std::min<socklen_t>(item->ai_addrlen, sizeof address.storage);
        std::memcpy(&address.storage, item->ai_addr, address.size);
    }
    ::freeaddrinfo(found);
}

std::string failure(const Question& question) {
    const std::string why = question.error == EAI_SYSTEM
                                ? std::generic_category().message(question.system_error)
                                : ::gai_strerror(question.error);
    return "no address for " + question.host + ": " + why;
}

}  // namespace

int poll_ms(TimePoint deadline) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<milliseconds::rep>(left, 0, 3'600'000));
}

Step<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port,
                                         TimePoint deadline, const Cancellation& cancellation) {
    const auto question = std::make_shared<Question>();
    question->host = host;
    question->port = std::to_string(port);
    question->flags = AI_NUMERICHOST;
    ask(*question);
    if (question->error == 0) return question->addresses;
    question->flags = AI_ADDRCONFIG;

    std::thread thread([question] {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        ask(*question);
        question->answered.ring();
    });
    pollfd ends[] = {{question->answered.fd(), POLLIN, 0}, {cancellation.fd(), POLLIN, 0}};
    while (::poll(ends, 2, poll_ms(deadline)) < 0 && errno == EINTR) {
    }
    if ((ends[0].revents & POLLIN) == 0) {
        thread.detach();
        if (cancellation.requested()) return Fault{Outcome::Kind::cancelled, "cancelled"};
        return Fault{Outcome::Kind::unreachable,
                     "no address for " + host + " in time: the name service does not answer"};
    }
    thread.join();
    if (question->error != 0) return Fault{Outcome::Kind::unreachable, failure(*question)};
    return std::move(question->addresses);
}

}  // namespace switchyard::deploy
