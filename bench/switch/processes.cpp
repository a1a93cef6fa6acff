#include "bench/switch/processes.hpp"

#include "bench/common/address.hpp"
#include "bench/common/clock.hpp"
#include "bench/switch/admin.hpp"
#include "bench/switch/certificate.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace switchyard::bench {
namespace {

constexpr const char* kHost = "bench.example";
constexpr const char* kGrpcHost = "grpc.bench.example";
constexpr const char* kService = "bench";
constexpr const char* kGrpcService = "bench-grpc";

void pause_ms(int milliseconds) {
    poll(nullptr, 0, milliseconds);
}

std::string free_address() {
    const int fd = listen_on(parse_address("127.0.0.1:0"), 1);
    const std::string address = "127.0.0.1:" + std::to_string(local_port(fd));
    close(fd);
    return address;
}

std::string end_of_file(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    std::string all = text.str();
    return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const std::string& log)
    : name_(command.front()), log_(log) {
    std::vector<char*> arguments;
    for (const auto& word : command)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    const int error =
        posix_spawnp(&pid_, command.front().c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::generic_category(), name_);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      name_(std::move(other.name_)),
      log_(std::move(other.log_)) {}

Process::~Process() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    for (int i = 0; i < 300; ++i) {
        if (waitpid(pid_, nullptr, WNOHANG) == pid_) return;
        pause_ms(10);
    }
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Process::require_alive() {
    if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == 0) return;
    pid_ = -1;
    throw std::runtime_error(name_ + " has ended:\n" + end_of_file(log_));
}

Stage::Stage(Options& options) {
    if (options.keep.empty()) {
        std::string name = std::filesystem::temp_directory_path() / "switchyard-switch-XXXXXX";
        if (!mkdtemp(name.data()))
            throw std::system_error(errno, std::generic_category(), "mkdtemp");
        directory_ = name;
        temporary_ = true;
    } else {
        std::filesystem::create_directories(options.keep);
        directory_ = std::filesystem::absolute(options.keep);
        std::filesystem::remove(directory_ + "/state.db");
    }
    options.url = free_address();
    options.tls_url = free_address();
    options.origin_blue = free_address();
    options.origin_green = free_address();
    options.socket = directory_ + "/admin.sock";
    options.grpc_blue = free_address();
    options.grpc_green = free_address();
    options.service = kService;
    options.grpc_service = kGrpcService;
    options.host = kHost;
    write_certificate(kHost, directory_ + "/certificate.pem", directory_ + "/key.pem");
    write_configuration(options);
    log_ = std::make_unique<LogReader>(log_pipe());
    for (const Colour colour : kColours) {
        const bool blue = colour == Colour::blue;
        const std::string name(to_string(colour));
        processes_.emplace_back(
            std::vector<std::string>{options.origin, "--listen",
                                     blue ? options.origin_blue : options.origin_green, "--grpc",
                                     blue ? options.grpc_blue : options.grpc_green, "--colour",
                                     name, "--quiet"},
            directory_ + "/" + name + ".log");
    }
    processes_.emplace_back(
        std::vector<std::string>{options.daemon, "--config", directory_ + "/switchyard.yaml"},
        directory_ + "/daemon.log");
    wait_until_healthy(options);
}

Stage::~Stage() {
    while (!processes_.empty())
        processes_.pop_back();  // the proxy first
    if (temporary_) {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
}

void Stage::require_alive() {
    for (auto& process : processes_)
        process.require_alive();
}

void Stage::write_configuration(const Options& options) const {
    std::ofstream file(directory_ + "/switchyard.yaml");
    file << "workers: " << options.workers << "\n"
         << "listeners:\n"
         << "  - { address: \"" << options.url << "\", h2c: true }\n"
         << "  - address: \"" << options.tls_url << "\"\n"
         << "    tls:\n"
         << "      certificates:\n"
         << "        - { certificate: " << directory_ << "/certificate.pem, key: " << directory_
         << "/key.pem }\n"
         << "admin:\n  socket: " << options.socket << "\n"
         << "state: " << directory_ << "/state.db\n"
         << "log: { level: info }\n"
         // Room for all that comes while the reader has no processor.
         << "access_log: { path: " << log_pipe() << ", format: json, buffer: 64MiB }\n"
         << "services:\n"
         << "  " << kService << ":\n"
         << "    hosts: [\"" << kHost << "\"]\n"
         << "    slots:\n"
         << "      blue: { name: blue-production, targets: [\"" << options.origin_blue << "\"] }\n"
         << "      green: { name: green-production, targets: [\"" << options.origin_green
         << "\"] }\n"
         << "    health_check: { path: /up, interval: 1s, timeout: 5s }\n"
         << "    drain: { timeout: 30s, tunnels: " << options.tunnels << " }\n"
         << "    canary: {}\n"
         << "  " << kGrpcService << ":\n"
         << "    hosts: [\"" << kGrpcHost << "\"]\n"
         << "    slots:\n"
         << "      blue: { name: blue-grpc, protocol: h2c, targets: [\"" << options.grpc_blue
         << "\"] }\n"
         << "      green: { name: green-grpc, protocol: h2c, targets: [\"" << options.grpc_green
         << "\"] }\n"
         << "    health_check: { path: /up, interval: 1s, timeout: 5s }\n"
         << "    canary: { stick: header, header: X-User-Id }\n";
    if (!file.flush()) throw std::runtime_error("cannot write the configuration");
}

void Stage::wait_until_healthy(const Options& options) {
    const Address socket = parse_address("unix:" + options.socket);
    const std::int64_t deadline = now_ns() + 15'000 * kMillisecond;
    std::string why;
    while (now_ns() < deadline) {
        require_alive();
        try {
            const auto status = get_json(socket, "/v1/status", 1000);
            bool healthy = true;
            for (const char* service : {kService, kGrpcService})
                for (const char* slot : {"blue", "green"})
                    healthy =
                        healthy &&
                        service_of(status, service).at("slots").at(slot).at("healthy").as_bool();
            if (healthy) return;
            why = "a slot is not healthy";
        } catch (const std::exception& error) {
            why = error.what();
        }
        pause_ms(20);
    }
    throw std::runtime_error("the daemon is not ready after 15 s: " + why + "\n" +
                             end_of_file(directory_ + "/daemon.log"));
}

}  // namespace switchyard::bench
