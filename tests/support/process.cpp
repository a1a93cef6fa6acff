#include "support/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::test {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// What exec wants, made before the fork: afterwards nothing may allocate.
struct ExecData {
    std::vector<std::string> strings;
    std::vector<char*> arguments;
    std::vector<char*> environment;

    explicit ExecData(const ProcessOptions& options) {
        for (char** entry = environ; *entry != nullptr; ++entry) {
            const std::string_view text = *entry;
            const std::string name(text.substr(0, text.find('=')));
            if (!options.environment.contains(name)) strings.emplace_back(text);
        }
        for (const auto& [name, value] : options.environment)
            strings.push_back(name + "=" + value);
        for (auto& text : strings)
            environment.push_back(text.data());
        environment.push_back(nullptr);
        for (const auto& argument : options.arguments) {
            arguments.push_back(const_cast<char*>(argument.c_str()));
        }
        arguments.push_back(nullptr);
    }
};

struct ChildFiles {
    int out = -1;
    int err = -1;
};

/// In the child, between fork and exec.
[[noreturn]] void become(const ExecData& data, ChildFiles files) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(files.out >= 0 ? files.out : nothing, STDOUT_FILENO);
    ::dup2(files.err >= 0 ? files.err : nothing, STDERR_FILENO);
    ::execve(data.arguments[0], data.arguments.data(), data.environment.data());
    ::_exit(127);
}

pid_t start(const ProcessOptions& options, ChildFiles files) {
    const ExecData data(options);
    if (::access(data.arguments[0], X_OK) != 0) fail(options.arguments[0]);
    const pid_t pid = ::fork();
    if (pid < 0) fail("fork");
    if (pid == 0) become(data, files);
    return pid;
}

}  // namespace

std::string Exit::text() const {
    return signal != 0 ? std::string("signal ") + ::strsignal(signal)
                       : "exit code " + std::to_string(code);
}

Process::Process(const ProcessOptions& options) {
    std::array<int, 2> pipe{-1, -1};
    if (options.pipe_output && ::pipe2(pipe.data(), O_CLOEXEC) != 0) fail("pipe2");
    int file = -1;
    if (!options.output_file.empty()) {
        file = ::open(options.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (file < 0) fail(options.output_file);
    }
    output_ = pipe[0];
    pid_ = start(options, {options.pipe_output ? pipe[1] : file, file});
    if (pipe[1] >= 0) ::close(pipe[1]);
    if (file >= 0) ::close(file);
    // glibc 2.36 declares pidfd_open for C only.
    pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (pid_fd_ < 0) fail("pidfd_open");
}

Process::~Process() {
    kill();
    ::close(pid_fd_);
    if (output_ >= 0) ::close(output_);
}

void Process::signal(int number) const {
    if (exit_ || ::kill(pid_, number) != 0 || number != SIGSTOP) return;
    // The call only asks for it: on another core the process may run on for a while.
    siginfo_t stopped{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &stopped, WSTOPPED | WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
}

std::optional<Exit> Process::wait(Deadline deadline) {
    if (exit_) return exit_;
    pollfd ended{pid_fd_, POLLIN, 0};
    while (::poll(&ended, 1, deadline.poll_ms()) < 0 && errno == EINTR) {
    }
    if ((ended.revents & POLLIN) == 0) return std::nullopt;
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    exit_ = Exit{WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    return exit_;
}

bool Process::running() {
    return !wait(Deadline(0ms));
}

void Process::kill() {
    signal(SIGKILL);
    wait();
}

std::optional<std::string> Process::read_line(Deadline deadline) {
    for (;;) {
        if (const auto end = unread_.find('\n'); end != std::string::npos) {
            auto line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            return line;
        }
        pollfd readable{output_, POLLIN, 0};
        if (::poll(&readable, 1, deadline.poll_ms()) <= 0) return std::nullopt;
        char bytes[4096];
        const auto n = ::read(output_, bytes, sizeof bytes);
        if (n <= 0) return std::nullopt;
        unread_.append(bytes, static_cast<std::size_t>(n));
    }
}

Run run_program(const std::vector<std::string>& arguments,
                const std::map<std::string, std::string>& environment, Deadline deadline) {
    std::array<int, 2> out{}, err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) fail("pipe2");
    ProcessOptions options;
    options.arguments = arguments;
    options.environment = environment;
    const pid_t pid = start(options, {out[1], err[1]});
    ::close(out[1]);
    ::close(err[1]);

    Run run;
    std::array<pollfd, 2> readable{pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}};
    while (readable[0].fd >= 0 || readable[1].fd >= 0) {
        const int ready = ::poll(readable.data(), readable.size(), deadline.poll_ms());
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            run.timed_out = true;
            ::kill(pid, SIGKILL);
            break;
        }
        for (std::size_t i = 0; i < readable.size(); ++i) {
            if (readable[i].revents == 0) continue;
            char bytes[16384];
            const auto n = ::read(readable[i].fd, bytes, sizeof bytes);
            if (n > 0) {
                (i == 0 ? run.out : run.err).append(bytes, static_cast<std::size_t>(n));
            } else {
                readable[i].fd = -1;  // poll ignores it from now on.
            }
        }
    }
    ::close(out[0]);
    ::close(err[0]);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    run.exit = {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    return run;
}

}  // namespace switchyard::test
