#include "support/sshd.hpp"

#include "support/free_port.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

constexpr const char* kSshd = "/usr/sbin/sshd";

std::string run(const std::vector<std::string>& arguments,
                const std::map<std::string, std::string>& environment = {}) {
    const Run done = run_program(arguments, environment);
    if (done.exit.code != 0) {
        throw std::runtime_error(arguments.front() + ": " + done.exit.text() + ": " + done.err);
    }
    return done.out;
}

std::string user_name() {
    const passwd* entry = ::getpwuid(::getuid());
    if (entry == nullptr) throw std::runtime_error("the user of this test has no name");
    return entry->pw_name;
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

SshKey SshKey::make(const std::string& file, const std::string& passphrase,
                    const std::string& type) {
    std::vector<std::string> arguments = {
        "/usr/bin/ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", "", "-f", file};
    // The usual length takes seconds on a busy machine.
    if (type == "rsa") arguments.insert(arguments.end(), {"-b", "2048"});
    run(arguments);
    SshKey key;
    key.file = file;
    std::istringstream words(read_file(file + ".pub"));
    std::string kind, text, bits;
    words >> kind >> text;
    key.public_line = kind + " " + text;
    std::istringstream shown(run({"/usr/bin/ssh-keygen", "-lf", file + ".pub"}));
    shown >> bits >> key.fingerprint;
    return key;
}

Sshd::Sshd(const std::string& more)
    : user_(user_name()),
      host_key_(SshKey::make(dir_.file("host_key"))),
      client_key_(SshKey::make(dir_.file("client_key"))) {
    authorize(client_key_);
    // Where it runs as root it insists on this folder.
    if (::getuid() == 0) ::mkdir("/run/sshd", 0755);
    for (int attempt = 0; attempt < 5 && !process_; ++attempt)
        start(more);
    if (!process_) throw std::runtime_error("sshd does not start:\n" + log());
}

Sshd::~Sshd() {
    signal_sessions(SIGKILL);
    if (process_) process_->kill();
    if (testing::Test::HasFailure()) {
        std::fprintf(stderr, "---- sshd on port %u\n%s----\n", port_, log().c_str());
    }
}

/// Leaves process_ empty when somebody else took the port.
void Sshd::start(const std::string& more) {
    port_ = free_port();
    const std::string config = dir_.write(
        "sshd_config", more + "\nPort " + std::to_string(port_) +
                           "\nListenAddress 127.0.0.1"
                           "\nHostKey " +
                           host_key_.file + "\nAuthorizedKeysFile " + dir_.file("authorized_keys") +
                           "\nPidFile none"
                           "\nUsePAM no"
                           "\nStrictModes no"
                           "\nPasswordAuthentication no"
                           "\nKbdInteractiveAuthentication no"
                           "\nPermitRootLogin prohibit-password"
                           "\nPrintMotd no"
                           "\nMaxStartups 100"
                           "\nLogLevel VERBOSE\n");
    ProcessOptions options;
    options.arguments = {kSshd, "-D", "-e", "-f", config};
    options.output_file = dir_.file("sshd.log");
    process_ = std::make_unique<Process>(options);
    const bool up = eventually([this] { return answers() || !process_->running(); });
    if (!up || !process_->running()) process_.reset();
}

/// By its own log it has the port, and it greets.
bool Sshd::answers() const {
    if (log().find("Server listening on") == std::string::npos) return false;
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port_);
    bool greeted = false;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        pollfd readable{fd, POLLIN, 0};
        char text[4] = {};
        greeted = ::poll(&readable, 1, Deadline().poll_ms()) == 1 &&
                  ::recv(fd, text, sizeof text, 0) == 4 &&
                  std::string_view(text, sizeof text) == "SSH-";
    }
    ::close(fd);
    return greeted;
}

std::string Sshd::address() const {
    return user_ + "@127.0.0.1:" + std::to_string(port_);
}

std::string Sshd::known_hosts_line() const {
    return "[127.0.0.1]:" + std::to_string(port_) + " " + host_key_.public_line + "\n";
}

void Sshd::authorize(const SshKey& key, const std::string& options) {
    std::ofstream out(dir_.file("authorized_keys"), std::ios::app);
    out << options << (options.empty() ? "" : " ") << key.public_line << "\n";
}

std::vector<pid_t> Sshd::sessions() const {
    std::vector<pid_t> pids;
    if (!process_) return pids;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const std::string stat = read_file(entry.path() / "stat");
        const std::size_t behind_name = stat.rfind(')');
        if (behind_name == std::string::npos) continue;
        std::istringstream fields(stat.substr(behind_name + 1));
        std::string state;
        pid_t parent = 0;
        fields >> state >> parent;
        if (parent == process_->pid() && state != "Z") pids.push_back(std::stoi(name));
    }
    return pids;
}

void Sshd::signal_sessions(int number) const {
    for (const pid_t pid : sessions())
        ::kill(pid, number);
}

std::string Sshd::log() const {
    return read_file(dir_.file("sshd.log"));
}

SshAgent::SshAgent(const std::vector<SshKey>& keys) : socket_(dir_.file("agent.sock")) {
    ProcessOptions options;
    options.arguments = {"/usr/bin/ssh-agent", "-D", "-a", socket_};
    process_ = std::make_unique<Process>(options);
    const std::map<std::string, std::string> environment{{"SSH_AUTH_SOCK", socket_}};
    const bool up = eventually([this] { return std::filesystem::exists(socket_); });
    if (!up) throw std::runtime_error("ssh-agent does not start");
    for (const SshKey& key : keys)
        run({"/usr/bin/ssh-add", "-q", key.file}, environment);
}

}  // namespace switchyard::test
