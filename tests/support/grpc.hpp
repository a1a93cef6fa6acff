#pragma once

#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

/// Both ends of gRPC calls, of the real library (tests/support/grpc/README.md).
namespace switchyard::test {

/// gRPC takes its time to start, and a machine may be busy.
inline constexpr std::chrono::seconds kGrpcStart{30};

class GrpcServer {
  public:
    /// `options` as `serve --help` tells.
    explicit GrpcServer(std::string name, std::vector<std::string> options = {})
        : process_(options_for(std::move(name), std::move(options))) {
        address_ = "127.0.0.1:" + line("listening ", Deadline(kGrpcStart)).substr(10);
    }

    [[nodiscard]] const std::string& address() const noexcept { return address_; }

    /// The next line that begins like this, whatever comes before; throws when there is none.
    std::string line(std::string_view begin, Deadline deadline = {}) {
        for (;;) {
            const auto next = process_.read_line(deadline);
            if (!next) throw std::runtime_error("no line " + std::string(begin));
            if (next->starts_with(begin)) return *next;
        }
    }
    [[nodiscard]] Process& process() noexcept { return process_; }

  private:
    static ProcessOptions options_for(std::string name, std::vector<std::string> options) {
        ProcessOptions made;
        made.arguments = {SWITCHYARD_SOURCE_DIR "/tests/support/grpc/serve", std::move(name)};
        made.arguments.insert(made.arguments.end(), options.begin(), options.end());
        made.environment = {{"PYTHONDONTWRITEBYTECODE", "1"}};
        made.pipe_output = true;
        return made;
    }

    Process process_;
    std::string address_;
};

/// A client with one channel, which does what it is told.
class GrpcClient {
  public:
    /// `ca`: speaks TLS, as localhost; empty: does not.
    explicit GrpcClient(const std::string& address, const std::string& ca = {})
        : commands_(open_fifo(dir_.file("commands"))),
          process_(options_for(address, dir_.file("commands"), ca)) {
        answer(Deadline(kGrpcStart));  // "ready"
    }
    ~GrpcClient() { ::close(commands_); }
    GrpcClient(const GrpcClient&) = delete;
    GrpcClient& operator=(const GrpcClient&) = delete;

    /// One line of `call`, and its answer.
    std::string tell(const std::string& command, Deadline deadline = Deadline(kGrpcStart)) {
        const std::string text = command + "\n";
        if (::write(commands_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
            throw std::runtime_error("the client takes no commands");
        }
        return answer(deadline);
    }

  private:
    /// Open for both, so that neither end waits for the other.
    static int open_fifo(const std::string& path) {
        const int fd = ::mkfifo(path.c_str(), 0600) == 0 ? ::open(path.c_str(), O_RDWR) : -1;
        if (fd < 0) throw std::runtime_error("no FIFO " + path);
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        return fd;
    }
    static ProcessOptions options_for(const std::string& address, const std::string& commands,
                                      const std::string& ca) {
        ProcessOptions made;
        made.arguments = {SWITCHYARD_SOURCE_DIR "/tests/support/grpc/call", address, commands};
        if (!ca.empty()) {
            made.arguments.emplace_back("--ca");
            made.arguments.push_back(ca);
        }
        made.environment = {{"PYTHONDONTWRITEBYTECODE", "1"}};
        made.pipe_output = true;
        return made;
    }
    std::string answer(Deadline deadline) {
        auto line = process_.read_line(deadline);
        if (!line) throw std::runtime_error("the client of gRPC does not answer");
        return *std::move(line);
    }

    TempDir dir_;
    int commands_;
    Process process_;
};

}  // namespace switchyard::test
