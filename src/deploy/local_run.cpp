#include "deploy/local_run.hpp"

#include "config/values.hpp"
#include "deploy/command_line.hpp"
#include "deploy/line_splitter.hpp"
#include "deploy/lookup.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::deploy {
namespace {

using Kind = Outcome::Kind;

constexpr std::string_view kHarmless[] = {"HOME", "USER",     "LOGNAME", "SHELL",
                                          "LANG", "LANGUAGE", "TZ"};
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Pipe {
    Descriptor read;
    Descriptor write;
};

std::optional<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

/// What posix_spawn(3) wants, freed afterwards.
class SpawnData {
  public:
    SpawnData(int out, int err) {
        ::posix_spawn_file_actions_init(&files_);
        ::posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&files_, out, STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&files_, err, STDERR_FILENO);
        ::posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
        ::posix_spawnattr_init(&attributes_);
        sigset_t none;
        sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~SpawnData() {
        ::posix_spawn_file_actions_destroy(&files_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    SpawnData(const SpawnData&) = delete;
    SpawnData& operator=(const SpawnData&) = delete;

    int spawn(pid_t& pid, std::vector<std::string> arguments, std::vector<std::string> variables) {
        const auto pointers = [](std::vector<std::string>& texts) {
            std::vector<char*> list;
            for (auto& text : texts)
                list.push_back(text.data());
            list.push_back(nullptr);
            return list;
        };
        auto argv = pointers(arguments);
        auto envp = pointers(variables);
        return ::posix_spawn(&pid, argv[0], &files_, &attributes_, argv.data(), envp.data());
    }

  private:
    posix_spawn_file_actions_t files_;
    posix_spawnattr_t attributes_;
};

/// A process that was started, with its output. It leads a group of its own; its PID is not given
/// back to the system before the destructor, so that the group can be named safely until then.
class Child {
  public:
    Child(pid_t pid, Descriptor out, Descriptor err, const OnLine& on_line,
          const Cancellation& cancellation)
        // glibc 2.36 declares pidfd_open for C only.
        : pid_(pid),
          ended_fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
          streams_{Stream{std::move(out), LineSplitter([&on_line](std::string line) {
                              on_line(false, std::move(line));
                          })},
                   Stream{std::move(err), LineSplitter([&on_line](std::string line) {
                              on_line(true, std::move(line));
                          })}},
          on_line_(on_line),
          cancellation_(cancellation) {}

    ~Child() {
        finish_lines();
        int status = 0;
        while (::waitpid(pid_, &status, has_ended() ? 0 : WNOHANG) < 0 && errno == EINTR) {
        }
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Reads what comes until the process has ended and its output is closed (or held open by
    /// something else), the deadline, or a cancellation. Null: it has ended.
    std::optional<Kind> follow(TimePoint deadline, const Patience& patience, bool heed) {
        while (!has_ended()) {
            if (heed && cancellation_.requested()) return Kind::cancelled;
            if (Clock::now() >= deadline) return Kind::timed_out;
            (void)wait(deadline, heed);
        }
        const TimePoint last = Clock::now() + patience.last_output;
        TimePoint quiet = Clock::now() + patience.open_output;
        while (!all_closed() && Clock::now() < std::min(quiet, last)) {
            if (wait(std::min(quiet, last), false)) quiet = Clock::now() + patience.open_output;
        }
        if (!all_closed() && heed) {
            finish_lines();
            on_line_(true, kOutputLeft);
        }
        return std::nullopt;
    }

    [[nodiscard]] bool has_ended() const {
        siginfo_t info{};
        return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid == pid_;
    }

    /// How it ended; only once it has.
    [[nodiscard]] Outcome outcome() const {
        siginfo_t info{};
        (void)::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
        if (info.si_code != CLD_EXITED) {
            const char* name = ::sigabbrev_np(info.si_status);
            return {Kind::signal, 0,
                    "local: signal " +
                        (name == nullptr ? std::to_string(info.si_status) : std::string(name)) +
                        " ended the command",
                    false};
        }
        if (info.si_status == 0) return {};
        return {Kind::exit_status, info.si_status, "local: " + describe_exit_status(info.si_status),
                false};
    }

    void signal_group(int number) const { ::kill(-pid_, number); }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  private:
    struct Stream {
        Descriptor fd;
        LineSplitter lines;
    };

    void finish_lines() {
        for (Stream& stream : streams_)
            stream.lines.finish();
    }
    [[nodiscard]] bool all_closed() const { return !streams_[0].fd && !streams_[1].fd; }

    /// True: something was read.
    bool wait(TimePoint until, bool heed) {
        std::array<pollfd, 4> ends{pollfd{streams_[0].fd.get(), POLLIN, 0},
                                   pollfd{streams_[1].fd.get(), POLLIN, 0},
                                   pollfd{has_ended() ? -1 : ended_fd_.get(), POLLIN, 0},
                                   pollfd{heed ? cancellation_.fd() : -1, POLLIN, 0}};
        int timeout = poll_ms(until);
        // Without a descriptor of the process there is nothing but to look again.
        if (!ended_fd_) timeout = std::min(timeout, 50);
        if (::poll(ends.data(), ends.size(), timeout) <= 0) return false;
        bool any = false;
        for (std::size_t i = 0; i < streams_.size(); ++i) {
            if (ends[i].revents != 0) any = read(streams_[i]) || any;
        }
        return any;
    }

    static bool read(Stream& stream) {
        char octets[16 * 1024];
        const auto n = ::read(stream.fd.get(), octets, sizeof octets);
        if (n > 0) {
            stream.lines.feed({octets, static_cast<std::size_t>(n)});
            return true;
        }
        if (n == 0 || (errno != EINTR && errno != EAGAIN)) stream.fd.reset();
        return false;
    }

    const pid_t pid_;
    Descriptor ended_fd_;
    std::array<Stream, 2> streams_;
    const OnLine& on_line_;
    const Cancellation& cancellation_;
};

/// SIGTERM, then SIGKILL, for the whole group.
Outcome end(Child& child, Kind why, const Command& command, const Patience& patience) {
    child.signal_group(SIGTERM);
    if (child.follow(Clock::now() + patience.after_term, patience, false)) {
        child.signal_group(SIGKILL);
        (void)child.follow(Clock::now() + patience.after_kill, patience, false);
    } else {
        child.signal_group(SIGKILL);  // What was left of the group.
    }
    Outcome outcome{why, 0, "local: cancelled, the command was ended", !child.has_ended()};
    if (why == Kind::timed_out) {
        outcome.message = "local: the command took longer than " +
                          config::format_duration(command.timeout) + " and was ended";
    }
    if (outcome.may_still_run) {
        outcome.message += ", but it does not end: it may still run (process group " +
                           std::to_string(child.pid()) + ")";
    }
    return outcome;
}

Outcome not_started(const std::string& why) {
    return {Kind::exit_status, 126, "local: the command was not started: " + why, false};
}

}  // namespace

std::vector<std::string> harmless_environment(const char* const* environment) {
    std::vector<std::string> variables;
    bool has_path = false;
    for (; environment != nullptr && *environment != nullptr; ++environment) {
        const std::string_view text = *environment;
        const std::string_view name = text.substr(0, text.find('='));
        const bool is_path = name == "PATH";
        has_path = has_path || is_path;
        if (is_path || name.starts_with("LC_") ||
            std::find(std::begin(kHarmless), std::end(kHarmless), name) != std::end(kHarmless)) {
            variables.emplace_back(text);
        }
    }
    if (!has_path) variables.emplace_back(kPath);
    return variables;
}

Outcome run_locally(const Command& command, const OnLine& on_line, const Cancellation& cancellation,
                    const Patience& patience) {
    if (cancellation.requested()) return {Kind::cancelled, 0, "local: cancelled", false};
    if (command.command.find('\0') != std::string::npos) return not_started("it has a zero byte");
    std::vector<std::string> variables = harmless_environment(::environ);
    for (const auto& [name, value] : command.environment) {
        if (auto problem = variable_problem(name, value); !problem.empty()) {
            return not_started(problem);
        }
        std::erase_if(variables, [&name = name](const std::string& text) {
            return text.starts_with(name + "=");
        });
        variables.push_back(name + "=" + value);
    }
    auto out = make_pipe();
    auto err = make_pipe();
    if (!out || !err) return not_started(std::generic_category().message(errno));
    pid_t pid = -1;
    const int error = SpawnData(out->write.get(), err->write.get())
                          .spawn(pid, {"/bin/sh", "-c", command.command}, std::move(variables));
    if (error != 0) return not_started("/bin/sh: " + std::generic_category().message(error));
    out->write.reset();
    err->write.reset();

    Child child(pid, std::move(out->read), std::move(err->read), on_line, cancellation);
    const auto why = child.follow(Clock::now() + command.timeout, patience, true);
    return why ? end(child, *why, command, patience) : child.outcome();
}

}  // namespace switchyard::deploy
