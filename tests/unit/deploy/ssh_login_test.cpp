// Getting to a host and being let in.
#include "black_hole.hpp"
#include "ssh_support.hpp"

#include <csignal>
#include <sys/un.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::deploy::test {
namespace {

using switchyard::test::BlackHole;
using switchyard::test::SayingServer;
using switchyard::test::SilentServer;
using switchyard::test::SshAgent;
using testing::HasSubstr;

class SshLogin : public SshTest {
  protected:
    void passphrase(const std::string& text) {
        ssh.passphrase_file = dir.write("passphrase", text);
        ::chmod(ssh.passphrase_file.c_str(), 0600);
    }
};

TEST_F(SshLogin, WithAKey) {
    for (const char* type : {"ed25519", "ecdsa", "rsa"}) {
        const SshKey key = SshKey::make(dir.file(std::string("key_") + type), "", type);
        sshd.authorize(key);
        ssh.key_file = key.file;
        const Outcome outcome = connect();
        EXPECT_EQ(outcome.kind, Kind::done) << type << ": " << outcome.message;
    }
}

TEST_F(SshLogin, AUserOfTheHostComesFirst) {
    ssh.user = "nobody-of-this-name";
    EXPECT_EQ(connect().kind, Kind::login);
    host.user = sshd.user();
    EXPECT_EQ(connect().kind, Kind::done);
}

TEST_F(SshLogin, AKeyThatIsNotAuthorizedIsNamed) {
    const SshKey other = SshKey::make(dir.file("other"));
    ssh.key_file = other.file;
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::login);
    EXPECT_THAT(outcome.message, HasSubstr(other.fingerprint));
    EXPECT_THAT(outcome.message,
                HasSubstr("authorized_keys of the user there: " + other.public_line));
    sshd.authorize(other);
    EXPECT_EQ(connect().kind, Kind::done);
}

TEST_F(SshLogin, AKeyThatCannotBeRead) {
    ssh.key_file = dir.file("none");
    EXPECT_EQ(connect().kind, Kind::login);
    EXPECT_THAT(connect().message, HasSubstr("No such file"));
    ssh.key_file = dir.write("bad", "no key");
    ::chmod(ssh.key_file.c_str(), 0600);
    EXPECT_EQ(connect().kind, Kind::login);
    EXPECT_THAT(connect().message, HasSubstr("it is no private key"));
    ::chmod(ssh.key_file.c_str(), 0644);
    EXPECT_THAT(connect().message, HasSubstr("chmod o-rwx"));
}

TEST_F(SshLogin, WithAPassphrase) {
    const SshKey key = SshKey::make(dir.file("locked"), "open sesame");
    sshd.authorize(key);
    ssh.key_file = key.file;
    EXPECT_EQ(connect().kind, Kind::login);
    EXPECT_THAT(connect().message, HasSubstr("'ssh.passphrase_file' is not given"));
    passphrase("wrong\n");
    EXPECT_EQ(connect().kind, Kind::login);
    EXPECT_THAT(connect().message, HasSubstr("does not hold its passphrase"));
    EXPECT_THAT(connect().message, testing::Not(HasSubstr("wrong")));
    passphrase("open sesame\nand a note\n");
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::done) << outcome.message;
    ssh.passphrase_file = dir.file("none");
    EXPECT_THAT(connect().message, HasSubstr("the passphrase of the key: cannot read"));
}

TEST_F(SshLogin, WithAnAgent) {
    const SshKey other = SshKey::make(dir.file("other"));
    const SshAgent agent({other, sshd.client_key()});
    ssh.key_file.clear();
    ssh.agent = agent.socket();
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::done) << outcome.message;
    const SshAgent without({other});
    ssh.agent = without.socket();
    EXPECT_EQ(connect().kind, Kind::login);
    EXPECT_THAT(connect().message, HasSubstr("SSH_AUTH_SOCK=" + ssh.agent + " ssh-add -L"));
    // The one of the environment is not asked instead.
    const SshAgent empty({});
    ssh.agent = empty.socket();
    ::setenv("SSH_AUTH_SOCK", agent.socket().c_str(), 1);
    EXPECT_EQ(connect().kind, Kind::login);
    ssh.agent = dir.file("none");
    EXPECT_EQ(connect().kind, Kind::login);
    ::unsetenv("SSH_AUTH_SOCK");
    EXPECT_THAT(connect().message, HasSubstr("No such file"));
}

TEST_F(SshLogin, AnAgentThatIsStuckDoesNotHoldUs) {
    SshAgent agent({sshd.client_key()});
    ssh.key_file.clear();
    ssh.agent = agent.socket();
    agent.signal(SIGSTOP);
    ssh.connect_timeout = 500ms;
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::timed_out) << outcome.message;
    ssh.connect_timeout = 1h;
    std::thread canceller([this] {
        EXPECT_TRUE(eventually([this] { return !sshd.sessions().empty(); }));
        cancellation->request();
    });
    EXPECT_EQ(connect().kind, Kind::cancelled);
    canceller.join();
}

TEST_F(SshLogin, NobodyThereIsUnreachable) {
    host.port = 1;
    EXPECT_EQ(connect().kind, Kind::unreachable);
    EXPECT_THAT(connect().message, HasSubstr("it: cannot connect: Connection refused"));
    host.host = "no-such-host.invalid";
    EXPECT_EQ(connect().kind, Kind::unreachable);
    EXPECT_THAT(connect().message, HasSubstr("no address for no-such-host.invalid"));
}

TEST_F(SshLogin, ABlackHoleIsUnreachable) {
    const BlackHole hole;
    host.port = hole.port();
    ssh.connect_timeout = 100ms;
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::unreachable);
    EXPECT_THAT(outcome.message, HasSubstr("no answer"));
}

TEST_F(SshLogin, AHostThatSaysNothingTimesOut) {
    const SilentServer server;
    host.port = server.port();
    ssh.connect_timeout = 200ms;
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::timed_out);
    EXPECT_THAT(outcome.message, HasSubstr("no SSH session came about within 200ms"));
    ssh.connect_timeout = 1h;
    std::thread canceller([this] { cancellation->request(); });
    EXPECT_EQ(connect().kind, Kind::cancelled);
    canceller.join();
}

TEST_F(SshLogin, WhatAHostSaysIsMadeHarmless) {
    // SSH_MSG_DISCONNECT before any key exchange (RFC 4253 section 11.1).
    const std::string words = "\x1b[31mevil\nmore\x07";
    std::string payload = "\x01" + std::string("\0\0\0\x02", 4) + std::string("\0\0\0", 3) +
                          static_cast<char>(words.size()) + words + std::string(4, '\0');
    const std::size_t padding = 8 + (8 - (payload.size() + 5) % 8);
    std::string packet(3, '\0');
    packet += static_cast<char>(1 + payload.size() + padding);
    packet += static_cast<char>(padding);
    packet += payload + std::string(padding, '\0');
    const SayingServer server("SSH-2.0-evil\r\n" + packet);
    host.port = server.port();
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::unreachable);
    // libssh may forget the words when it sees the end of the connection at the same time.
    EXPECT_THAT(outcome.message,
                testing::AnyOf(HasSubstr("evil more"), HasSubstr("the host closed the connection"),
                               HasSubstr("Socket error: ")));
    for (const char c : outcome.message)
        EXPECT_GE(static_cast<unsigned char>(c), 0x20) << outcome.message;
}

TEST_F(SshLogin, ARestOfAnotherProtocolIsNoSsh) {
    const SayingServer server("HTTP/1.1 400 Bad Request\r\n\r\n" + std::string(4096, 'x'));
    host.port = server.port();
    ssh.connect_timeout = 2s;
    const Outcome outcome = connect();
    EXPECT_TRUE(outcome.kind == Kind::unreachable || outcome.kind == Kind::timed_out)
        << outcome.message;
}

TEST_F(SshLogin, CancelledBeforehandNothingIsTried) {
    cancellation->request();
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::cancelled);
    EXPECT_EQ(outcome.message, "it: cancelled");
    EXPECT_FALSE(outcome.may_still_run);
}

TEST_F(SshLogin, LeavingClosesEverything) {
    const auto open_files = [] {
        const std::filesystem::directory_iterator files("/proc/self/fd");
        return std::distance(begin(files), end(files));
    };
    const auto before = open_files();
    {
        const auto on = session();
        ASSERT_EQ(on->connect().kind, Kind::done);
        EXPECT_EQ(sshd.sessions().size(), 1u);
    }
    EXPECT_EQ(open_files(), before);
    EXPECT_TRUE(eventually([this] { return sshd.sessions().empty(); }));
    // Also when libssh has seen that the connection is gone.
    {
        const auto on = session();
        ASSERT_EQ(on->connect().kind, Kind::done);
        sshd.signal_sessions(SIGKILL);
        // It finds the connection lost, or has seen that before and makes a new one.
        (void)on->run({"true", {}, 10s}, [](bool, const std::string&) {});
    }
    ssh.key_file = dir.file("none");
    EXPECT_EQ(connect().kind, Kind::login);
    host.fingerprint = sshd.client_key().fingerprint;
    EXPECT_EQ(connect().kind, Kind::host_key);
    {
        const SayingServer server("nonsense\r\n" + std::string(300'000, 'x'));
        host.port = server.port();
        EXPECT_NE(connect().kind, Kind::done);
    }
    EXPECT_EQ(open_files(), before);
}

class SshLoginTwoMethods : public SshTest {
  protected:
    SshLoginTwoMethods()
        : SshTest(
              "AuthenticationMethods publickey,keyboard-interactive\n"
              "KbdInteractiveAuthentication yes") {}
};

TEST_F(SshLoginTwoMethods, SaysThatAKeyIsNotEnough) {
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::login);
    EXPECT_THAT(outcome.message,
                HasSubstr("wants more than a key to log in: keyboard-interactive"));
}

}  // namespace
}  // namespace switchyard::deploy::test
