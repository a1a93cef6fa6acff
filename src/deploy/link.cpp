#include "deploy/link.hpp"

#include "deploy/line_splitter.hpp"
#include "deploy/lookup.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <libssh/server.h>  // ssh_send_keepalive() stands there, and is for clients too.
#include <new>
#include <poll.h>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace switchyard::deploy {
namespace {

constexpr int kPause = 50;  // ms
constexpr int kMaxUnanswered = 3;
constexpr std::size_t kMaxError = 300;

void set(ssh_session session, ssh_options_e option, const void* value) {
    if (::ssh_options_set(session, option, value) != SSH_OK) {
        throw std::runtime_error(std::string("libssh takes no option: ") +
                                 ::ssh_get_error(session));
    }
}

/// Only wakes ssh_event_dopoll().
int nothing(socket_t, int, void*) {
    return 0;
}

std::string seconds(milliseconds duration) {
    return duration.count() % 1000 == 0 ? std::to_string(duration.count() / 1000) + "s"
                                        : std::to_string(duration.count()) + "ms";
}

}  // namespace

Link::Link(const config::DeployHost& host, const config::Ssh& ssh, Descriptor socket,
           const Cancellation& cancellation)
    : host_(host),
      ssh_(ssh),
      cancellation_(cancellation),
      session_(::ssh_new()),
      event_(::ssh_event_new()) {
    if (!session_ || !event_) throw std::bad_alloc();
    ssh_session s = session_.get();
    const bool off = false;
    const int on = 1;
    const unsigned port = host.port;
    const std::string& user = host.user.empty() ? ssh.user : host.user;
    // Neither files of the daemon's user nor of the system; and the name of the home folder need
    // not be asked for.
    set(s, SSH_OPTIONS_PROCESS_CONFIG, &off);
    set(s, SSH_OPTIONS_SSH_DIR, "/nonexistent");
    set(s, SSH_OPTIONS_HOST, host.host.c_str());
    set(s, SSH_OPTIONS_PORT, &port);
    set(s, SSH_OPTIONS_USER, user.c_str());
    set(s, SSH_OPTIONS_STRICTHOSTKEYCHECK, &on);
    // With a pinned key no entry may influence which kind of key is asked for. And libssh would
    // wait for a writer if it were a FIFO.
    std::error_code ignored;
    const bool looks_up =
        host.fingerprint.empty() && std::filesystem::is_regular_file(ssh.known_hosts, ignored);
    const char* known = looks_up ? ssh.known_hosts.c_str() : "/dev/null";
    set(s, SSH_OPTIONS_KNOWNHOSTS, known);
    set(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    if (!ssh.agent.empty()) set(s, SSH_OPTIONS_IDENTITY_AGENT, ssh.agent.c_str());
    // For what would wait inside of libssh in spite of being told not to.
    const long limit = std::max<long>(1, ssh.connect_timeout.count() / 1000);
    set(s, SSH_OPTIONS_TIMEOUT, &limit);
    const socket_t fd = socket.release();
    set(s, SSH_OPTIONS_FD, &fd);
    ::ssh_set_blocking(s, 0);
    ::ssh_set_counters(s, &counted_, nullptr);
}

Link::~Link() {
    if (in_event_) ::ssh_event_remove_session(event_.get(), session_.get());
    if (heeds_cancellation_ && in_event_) {
        ::ssh_event_remove_fd(event_.get(), cancellation_.fd());
    }
    // No ssh_disconnect(): it forgets a socket that was handed to it without closing it, and would
    // close it where sending the farewell fails. ssh_free() closes it, once.
}

std::optional<Fault> Link::handshake(TimePoint deadline) {
    for (;;) {
        const int result = ::ssh_connect(session_.get());
        if (result == SSH_OK) return std::nullopt;
        if (result != SSH_AGAIN) {
            return Fault{Outcome::Kind::unreachable, "no SSH session: " + error()};
        }
        if (!in_event_) {
            // Only now libssh knows its socket.
            if (::ssh_event_add_session(event_.get(), session_.get()) != SSH_OK ||
                ::ssh_event_add_fd(event_.get(), cancellation_.fd(), POLLIN, nothing, nullptr) !=
                    SSH_OK) {
                return Fault{Outcome::Kind::unreachable, "no SSH session: out of memory"};
            }
            in_event_ = true;
        }
        auto fault = pause(deadline);
        if (!fault) continue;
        if (fault->kind == Outcome::Kind::lost) fault->kind = Outcome::Kind::unreachable;
        return fault;
    }
}

std::string Link::error() const {
    // Some of them quote what the host has sent.
    std::string text = harmless(::ssh_get_error(session_.get()), kMaxError);
    // Where the host has just closed, libssh may show an errno of some earlier call.
    for (const int stale : {0, EINPROGRESS, EAGAIN}) {
        if (text == "Socket error: " + std::generic_category().message(stale)) text.clear();
    }
    return text.empty() ? "the host closed the connection" : text;
}

bool Link::connected() const {
    ssh_session s = session_.get();
    return !silent_ && ::ssh_is_connected(s) != 0 &&
           (::ssh_get_status(s) & (SSH_CLOSED | SSH_CLOSED_ERROR)) == 0;
}

std::optional<Fault> Link::pause(TimePoint deadline, bool at_once) {
    if (heeds_cancellation_ && cancellation_.requested()) {
        return Fault{Outcome::Kind::cancelled, "cancelled"};
    }
    if (Clock::now() >= deadline) return Fault{Outcome::Kind::timed_out, "no answer in time"};
    poll(at_once ? 0 : std::min(kPause, poll_ms(deadline)));
    keep_alive();
    if (silent_) {
        return Fault{Outcome::Kind::lost,
                     "no sign of life for " + seconds(ssh_.keep_alive * kMaxUnanswered)};
    }
    if (!connected()) return Fault{Outcome::Kind::lost, error()};
    return std::nullopt;
}

void Link::idle(int fd) {
    if (cancellation_.requested() || !connected()) {
        // Nothing is left but to be told what to do.
        pollfd told{fd, POLLIN, 0};
        ::poll(&told, 1, -1);
        return;
    }
    if (::ssh_event_add_fd(event_.get(), fd, POLLIN, nothing, nullptr) != SSH_OK) return;
    poll(kPause * 4);
    keep_alive();
    ::ssh_event_remove_fd(event_.get(), fd);
}

void Link::expect_life() {
    expects_life_ = true;
    heard_ = counted_.in_bytes;
    unanswered_ = 0;
    next_keep_alive_ = Clock::now() + ssh_.keep_alive;
}

void Link::heed_cancellation(bool heeds) {
    if (std::exchange(heeds_cancellation_, heeds) == heeds || !in_event_) return;
    if (heeds) {
        (void)::ssh_event_add_fd(event_.get(), cancellation_.fd(), POLLIN, nothing, nullptr);
    } else {
        ::ssh_event_remove_fd(event_.get(), cancellation_.fd());
    }
}

void Link::poll(int timeout_ms) {
    if (::ssh_event_dopoll(event_.get(), timeout_ms) != SSH_ERROR) return;
    // What that means is seen by connected(); until then it must not become a busy loop.
    ::poll(nullptr, 0, std::min(timeout_ms, 10));
}

void Link::keep_alive() {
    if (!expects_life_ || !connected()) return;
    const auto now = Clock::now();
    if (counted_.in_bytes != heard_) {
        expect_life();
    } else if (now >= next_keep_alive_) {
        if (++unanswered_ > kMaxUnanswered) {
            silent_ = true;
            return;
        }
        next_keep_alive_ = now + ssh_.keep_alive;
        // Without blocking, libssh 0.10 only puts the answer to the last one away in the first
        // call.
        (void)::ssh_send_keepalive(session_.get());
        (void)::ssh_send_keepalive(session_.get());
    }
}

}  // namespace switchyard::deploy
