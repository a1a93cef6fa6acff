// Which hosts are believed to be who they say.
#include "ssh_support.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::deploy::test {
namespace {

using testing::HasSubstr;

class SshHostKey : public SshTest {
  protected:
    void known(const std::string& text) { dir.write("known_hosts", text); }
    [[nodiscard]] std::string name() const { return "[127.0.0.1]:" + std::to_string(sshd.port()); }
    SshKey other_key() const { return SshKey::make(dir.file("other")); }
};

TEST_F(SshHostKey, AKnownOneIsTaken) {
    EXPECT_EQ(connect().kind, Kind::done);
    EXPECT_EQ(connect().message, "");
    known("# a note\n\nother.example ssh-ed25519 AAAA\n*.example," + name() + " " +
          sshd.host_key().public_line + " a comment\n");
    EXPECT_EQ(connect().kind, Kind::done);
}

TEST_F(SshHostKey, AHashedNameIsFound) {
    const auto hashed =
        switchyard::test::run_program({"/usr/bin/ssh-keygen", "-H", "-f", ssh.known_hosts});
    ASSERT_EQ(hashed.exit.code, 0) << hashed.err;
    ASSERT_THAT(switchyard::test::read_file(ssh.known_hosts), testing::StartsWith("|1|"));
    EXPECT_EQ(connect().kind, Kind::done);
}

TEST_F(SshHostKey, AnUnknownOneStopsAndSaysTheLine) {
    for (const char* text :
         {"",
          "other.example ssh-ed25519 "
          "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"}) {
        known(text);
        const Outcome outcome = connect();
        EXPECT_EQ(outcome.kind, Kind::host_key);
        EXPECT_THAT(outcome.message, HasSubstr("the host key is unknown"));
        EXPECT_THAT(outcome.message, HasSubstr(sshd.host_key().fingerprint));
        EXPECT_THAT(outcome.message,
                    HasSubstr(ssh.known_hosts + ": " + name() + " " + sshd.host_key().public_line));
        EXPECT_EQ(switchyard::test::read_file(ssh.known_hosts), text) << "never written to";
    }
    // What the message says to do works.
    known(sshd.known_hosts_line());
    EXPECT_EQ(connect().kind, Kind::done);
}

TEST_F(SshHostKey, WithoutAFileItIsUnknown) {
    ssh.known_hosts = dir.file("none");
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::host_key);
    EXPECT_THAT(outcome.message, HasSubstr("No such file"));
    EXPECT_THAT(outcome.message, HasSubstr(sshd.host_key().fingerprint));
    EXPECT_FALSE(std::filesystem::exists(ssh.known_hosts)) << "never written";
}

TEST_F(SshHostKey, NothingIsWaitedForInAFifo) {
    ssh.known_hosts = dir.file("fifo");
    ASSERT_EQ(::mkfifo(ssh.known_hosts.c_str(), 0600), 0);
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::host_key);
    EXPECT_THAT(outcome.message, HasSubstr("is not a regular file"));
}

TEST_F(SshHostKey, AKeyOfTheSameHostOnAnotherPortIsNoKey) {
    known("127.0.0.1 " + sshd.host_key().public_line + "\n");
    EXPECT_EQ(connect().kind, Kind::host_key);
}

TEST_F(SshHostKey, AChangedOneShowsBothFingerprints) {
    const SshKey other = other_key();
    known(name() + " " + other.public_line + "\n");
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::host_key);
    EXPECT_THAT(outcome.message, HasSubstr("the host key has changed"));
    EXPECT_THAT(outcome.message, HasSubstr("shows ssh-ed25519 " + sshd.host_key().fingerprint));
    EXPECT_THAT(outcome.message, HasSubstr("expects ssh-ed25519 " + other.fingerprint));
    EXPECT_THAT(outcome.message,
                HasSubstr("ssh-keygen -f '" + ssh.known_hosts + "' -R '" + name() + "'"));
}

TEST_F(SshHostKey, AKeyOfAnotherKindIsAChangeToo) {
    const SshKey other = SshKey::make(dir.file("other"), "", "ecdsa");
    known(name() + " " + other.public_line + "\n");
    const Outcome outcome = connect();
    EXPECT_NE(outcome.kind, Kind::done);
    if (outcome.kind == Kind::host_key) {
        EXPECT_THAT(outcome.message, HasSubstr(other.fingerprint));
    }
}

TEST_F(SshHostKey, ARevokedOneIsRefused) {
    known("@revoked * " + sshd.host_key().public_line + "\n" + sshd.known_hosts_line());
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::host_key);
    EXPECT_THAT(outcome.message, HasSubstr("is revoked"));
    known("@revoked * " + other_key().public_line + "\n" + sshd.known_hosts_line());
    EXPECT_EQ(connect().kind, Kind::done);
    known("@cert-authority * " + sshd.host_key().public_line + "\n");
    EXPECT_EQ(connect().kind, Kind::host_key) << "an authority's key is no host's";
}

TEST_F(SshHostKey, ThePinnedOneIsTheOnlyOne) {
    ssh.known_hosts = dir.file("none");
    host.fingerprint = sshd.host_key().fingerprint;
    EXPECT_EQ(connect().kind, Kind::done);
    // Whatever known_hosts says.
    ssh.known_hosts = dir.write("known_hosts", sshd.known_hosts_line());
    const SshKey other = other_key();
    host.fingerprint = other.fingerprint;
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::host_key);
    EXPECT_THAT(outcome.message, HasSubstr("shows ssh-ed25519 " + sshd.host_key().fingerprint));
    EXPECT_THAT(outcome.message, HasSubstr("expects " + other.fingerprint));
    EXPECT_THAT(outcome.message,
                HasSubstr("'fingerprint' in 'deploy_to' to \"" + sshd.host_key().fingerprint));
}

TEST_F(SshHostKey, ConfigurationOfTheUserIsNotRead) {
    // ssh(1) would connect to another port and believe any key.
    dir.write(".ssh/config", "Host *\n  Port 1\n  StrictHostKeyChecking no\n");
    dir.write(".ssh/known_hosts", sshd.known_hosts_line());
    known("");
    ::setenv("HOME", dir.path().c_str(), 1);
    const Outcome outcome = connect();
    EXPECT_EQ(outcome.kind, Kind::host_key) << outcome.message;
}

}  // namespace
}  // namespace switchyard::deploy::test
