#include "support/daemon.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

constexpr std::size_t kLogTail = 64 * 1024;

bool has_top_level_key(const std::string& yaml, std::string_view key) {
    const auto line = std::string(key) + ":";
    return yaml.starts_with(line) || yaml.find("\n" + line) != std::string::npos;
}

std::string complete(std::string_view text, const TempDir& dir) {
    constexpr std::string_view kMark = "${DIR}";
    std::string yaml(text);
    for (auto at = yaml.find(kMark); at != std::string::npos; at = yaml.find(kMark, at)) {
        yaml.replace(at, kMark.size(), dir.path().string());
    }
    if (!yaml.empty() && !yaml.ends_with('\n')) yaml += '\n';
    if (!has_top_level_key(yaml, "admin"))
        yaml += "admin: {socket: " + dir.file("admin.sock") + "}\n";
    if (!has_top_level_key(yaml, "state")) yaml += "state: " + dir.file("state.db") + "\n";
    if (!has_top_level_key(yaml, "workers")) yaml += "workers: 2\n";
    return yaml;
}

}  // namespace

Daemon::Daemon(std::string_view yaml) {
    write_config(yaml);
}

Daemon::~Daemon() {
    if (process_) process_->kill();
    if (!testing::Test::HasFailure()) return;
    auto text = log();
    if (text.size() > kLogTail) text.erase(0, text.size() - kLogTail);
    std::fprintf(stderr, "---- configuration\n%s---- log of switchyardd\n%s----\n",
                 read_file(config_path()).c_str(), text.c_str());
}

void Daemon::write_config(std::string_view yaml) {
    dir_.write("switchyard.yaml", complete(yaml, dir_));
}

void Daemon::spawn() {
    process_.reset();
    notify_.reset();
    notify_ = std::make_unique<NotifySocket>(dir_.file("notify"));
    ProcessOptions options;
    options.arguments = {SWITCHYARDD_PATH, "--config", config_path()};
    options.environment = {{"NOTIFY_SOCKET", notify_->path()}};
    options.output_file = dir_.file("daemon.log");
    process_ = std::make_unique<Process>(options);
}

void Daemon::start(Deadline deadline) {
    spawn();
    if (notify_->wait_for("READY=1", process_->pid_fd(), deadline)) return;
    const auto exit = process_->wait(Deadline(0ms));
    throw std::runtime_error("switchyardd did not become ready (" +
                             (exit ? exit->text() : std::string("it still runs")) + "):\n" + log());
}

Exit Daemon::start_expecting_exit(Deadline deadline) {
    spawn();
    if (const auto exit = process_->wait(deadline)) return *exit;
    throw std::runtime_error("switchyardd should have ended, but runs:\n" + log());
}

Run Daemon::check(std::vector<std::string> options) const {
    options.insert(options.begin(), {SWITCHYARDD_PATH, "--check", "--config", config_path()});
    return run_program(options);
}

std::string Daemon::address(std::size_t listener) const {
    const auto status = admin().get("/v1/status").json();
    return std::string(status.at("listeners").at(listener).at("address").as_string());
}

bool Daemon::wait_healthy(std::string_view service, Colour colour, bool healthy,
                          Deadline deadline) const {
    return eventually(
        [&] {
            const auto now = admin().service(service);
            return now.at("slots").at(to_string(colour)).at("healthy").as_bool() == healthy;
        },
        deadline);
}

Run Daemon::cli(std::vector<std::string> arguments, Deadline deadline) const {
    arguments.insert(arguments.begin(), SWITCHYARD_CLI_PATH);
    return run_program(arguments, {{"SWITCHYARD_SOCKET", dir_.file("admin.sock")}}, deadline);
}

void Daemon::signal(int number) const {
    process_->signal(number);
}

void Daemon::kill() {
    process_->kill();
}

std::optional<Exit> Daemon::wait_exit(Deadline deadline) {
    return process_->wait(deadline);
}

Exit Daemon::terminate(Deadline deadline) {
    signal(SIGTERM);
    if (const auto exit = wait_exit(deadline)) return *exit;
    throw std::runtime_error("switchyardd did not end after SIGTERM:\n" + log());
}

bool Daemon::running() {
    return process_ && process_->running();
}

std::size_t Daemon::resident_bytes() const {
    std::istringstream lines(read_file("/proc/" + std::to_string(pid()) + "/status"));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6)) * 1024;
    }
    throw std::runtime_error("no VmRSS of " + std::to_string(pid()));
}

std::size_t Daemon::open_files() const {
    const std::filesystem::directory_iterator files("/proc/" + std::to_string(pid()) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

}  // namespace switchyard::test
