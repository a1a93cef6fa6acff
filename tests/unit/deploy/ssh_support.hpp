#pragma once

#include "deploy/remote_session.hpp"
#include "support/sshd.hpp"

#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::deploy::test {

using namespace std::chrono_literals;
using switchyard::test::Deadline;
using switchyard::test::eventually;
using switchyard::test::kPatience;
using switchyard::test::Sshd;
using switchyard::test::SshKey;
using switchyard::test::TempDir;
using Kind = Outcome::Kind;

/// An sshd, and settings that get in.
class SshTest : public testing::Test {
  protected:
    explicit SshTest(const std::string& more = {}) : sshd(more) {
        // As the daemon does: libssh writes to connections that the other side has closed.
        std::signal(SIGPIPE, SIG_IGN);
        ssh.user = sshd.user();
        ssh.key_file = sshd.client_key().file;
        ssh.known_hosts = dir.write("known_hosts", sshd.known_hosts_line());
        ssh.connect_timeout = kPatience;
        ssh.keep_alive = 1min;
        host.text = "it";
        host.host = "127.0.0.1";
        host.port = sshd.port();
        patience.after_term = 300ms;
        patience.after_kill = kPatience;
        patience.to_ask = kPatience;
    }

    [[nodiscard]] std::unique_ptr<RemoteSession> session() const {
        return std::make_unique<RemoteSession>(host, ssh, cancellation, patience);
    }

    /// Connects and leaves.
    [[nodiscard]] Outcome connect() const { return session()->connect(); }

    [[nodiscard]] Outcome run(RemoteSession& on, std::string command,
                              milliseconds timeout = kPatience) {
        return run(on, Command{std::move(command), {}, timeout});
    }
    [[nodiscard]] Outcome run(RemoteSession& on, const Command& command) {
        lines.clear();
        return on.run(command, [this](bool from_stderr, std::string line) {
            lines.push_back((from_stderr ? "2:" : "1:") + line);
            if (on_line) on_line(lines.back());
        });
    }
    /// On a session of its own.
    [[nodiscard]] Outcome run(std::string command, milliseconds timeout = kPatience) {
        return run(*session(), std::move(command), timeout);
    }

    TempDir dir;
    Sshd sshd;
    config::Ssh ssh;
    config::DeployHost host;
    Patience patience;
    std::shared_ptr<Cancellation> cancellation = std::make_shared<Cancellation>();
    std::vector<std::string> lines;
    std::function<void(const std::string&)> on_line;
};

}  // namespace switchyard::deploy::test
