#include "deploy/login.hpp"

#include "deploy/connect.hpp"
#include "deploy/host_key.hpp"
#include "deploy/secret_file.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

namespace switchyard::deploy {
namespace {

Fault refused(std::string message) {
    return {Outcome::Kind::login, std::move(message)};
}

std::string account(const Link& link) {
    const auto& host = link.host();
    return (host.user.empty() ? link.settings().user : host.user) + "@" + host.host;
}

/// What the host takes, for a login that got only so far.
std::string methods_of(const Link& link) {
    const int methods = ::ssh_userauth_list(link.session(), nullptr);
    std::string text;
    if ((methods & SSH_AUTH_METHOD_PASSWORD) != 0) text += " password";
    if ((methods & SSH_AUTH_METHOD_INTERACTIVE) != 0) text += " keyboard-interactive";
    if ((methods & SSH_AUTH_METHOD_PUBLICKEY) != 0) text += " publickey";
    return text.empty() ? " nothing that is known" : text;
}

/// Repeats a step of libssh until it has come to an end.
template <class Attempt>
std::optional<Fault> authenticate(Link& link, TimePoint deadline, const std::string& denied,
                                  Attempt attempt) {
    for (;;) {
        switch (attempt()) {
            case SSH_AUTH_SUCCESS:
                return std::nullopt;
            case SSH_AUTH_AGAIN:
                break;
            case SSH_AUTH_DENIED:
                return refused(denied);
            case SSH_AUTH_PARTIAL:
                return refused(link.host().host +
                               " wants more than a key to log in:" + methods_of(link) +
                               ". Change AuthenticationMethods there, for this user");
            default:
                return refused("logging in as " + account(link) + " failed: " + link.error());
        }
        if (auto fault = link.pause(deadline)) {
            if (fault->kind == Outcome::Kind::lost) {
                fault = refused("the connection ended during the login as " + account(link) + ": " +
                                fault->message);
            }
            return fault;
        }
    }
}

Step<KeyPointer> load_key(const config::Ssh& settings) {
    auto text = read_secret(settings.key_file);
    if (!text) return refused("the private key: " + text.error().message);
    Secret passphrase;
    const bool has_passphrase = !settings.passphrase_file.empty();
    if (has_passphrase) {
        auto read = read_secret(settings.passphrase_file);
        if (!read) return refused("the passphrase of the key: " + read.error().message);
        read->keep_first_line();
        passphrase = *std::move(read);
    }
    ssh_key key = nullptr;
    const int result = ::ssh_pki_import_privkey_base64(
        text->c_str(), has_passphrase ? passphrase.c_str() : nullptr, nullptr, nullptr, &key);
    if (result != SSH_OK) {
        return refused("cannot use '" + settings.key_file + "': it is no private key, or " +
                       (has_passphrase ? "'" + settings.passphrase_file +
                                             "' does not hold its passphrase in the first line"
                                       : "it has a passphrase and 'ssh.passphrase_file' is not "
                                         "given"));
    }
    return KeyPointer(key);
}

std::optional<Fault> log_in_with_key(Link& link, TimePoint deadline) {
    const auto key = load_key(link.settings());
    if (!key) return key.error();
    ssh_key raw = key->get();
    const std::string denied =
        account(link) + " does not accept the key of '" + link.settings().key_file + "' (" +
        fingerprint_of(raw) +
        "); add this line to ~/.ssh/authorized_keys of the user there: " + public_line_of(raw);
    return authenticate(link, deadline, denied, [&link, raw] {
        return ::ssh_userauth_publickey(link.session(), nullptr, raw);
    });
}

/// libssh waits for an agent without limit. This cuts its socket at the deadline or when somebody
/// cancels, so that the waiting ends.
class AgentWatch {
  public:
    AgentWatch(int agent, TimePoint deadline, const Cancellation& cancellation)
        : agent_(::fcntl(agent, F_DUPFD_CLOEXEC, 0)),
          thread_([this, deadline, &cancellation] { watch(deadline, cancellation); }) {}
    ~AgentWatch() {
        over_.ring();
        thread_.join();
    }
    AgentWatch(const AgentWatch&) = delete;
    AgentWatch& operator=(const AgentWatch&) = delete;

    [[nodiscard]] bool has_cut() const noexcept { return has_cut_; }

  private:
    void watch(TimePoint deadline, const Cancellation& cancellation) {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        pollfd ends[] = {{over_.fd(), POLLIN, 0}, {cancellation.fd(), POLLIN, 0}};
        while (::poll(ends, 2, poll_ms(deadline)) < 0 && errno == EINTR) {
        }
        if ((ends[0].revents & POLLIN) != 0) return;
        has_cut_ = true;
        ::shutdown(agent_.get(), SHUT_RDWR);
    }

    Descriptor agent_;
    Bell over_;
    std::atomic<bool> has_cut_ = false;
    std::thread thread_;
};

std::optional<Fault> log_in_with_agent(Link& link, TimePoint deadline) {
    const std::string& path = link.settings().agent;
    auto socket = connect_unix(path, deadline, link.cancellation());
    if (!socket) {
        Fault fault = socket.error();
        fault.message = "the agent: " + fault.message;
        return fault;
    }
    const int fd = socket->get();
    // Signals must not end the process when the agent goes: they are blocked on this thread.
    const AgentWatch watch(fd, deadline, link.cancellation());
    if (::ssh_set_agent_socket(link.session(), socket->release()) != SSH_OK) {
        return refused("the agent: " + link.error());
    }
    const std::string denied = account(link) + " accepts no key of the agent at " + path +
                               "; 'SSH_AUTH_SOCK=" + path +
                               " ssh-add -L' shows them, one has to stand in "
                               "~/.ssh/authorized_keys of the user there";
    auto fault = authenticate(link, deadline, denied,
                              [&link] { return ::ssh_userauth_agent(link.session(), nullptr); });
    if (!fault || !watch.has_cut()) return fault;
    if (link.cancellation().requested()) return Fault{Outcome::Kind::cancelled, "cancelled"};
    return Fault{Outcome::Kind::timed_out,
                 "no login in time; the agent at " + path + " may not answer"};
}

}  // namespace

std::optional<Fault> log_in(Link& link, TimePoint deadline) {
    return link.settings().key_file.empty() ? log_in_with_agent(link, deadline)
                                            : log_in_with_key(link, deadline);
}

}  // namespace switchyard::deploy
