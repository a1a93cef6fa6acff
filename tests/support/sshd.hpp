#pragma once

#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace switchyard::test {

/// A pair of keys in files: `file` and `file`.pub.
struct SshKey {
    std::string file;
    std::string public_line;  ///< "ssh-ed25519 AAAA...", without a comment.
    std::string fingerprint;  ///< "SHA256:..."

    /// Made by ssh-keygen. Throws std::runtime_error if that fails.
    static SshKey make(const std::string& file, const std::string& passphrase = {},
                       const std::string& type = "ed25519");
};

/// A real sshd on a port of 127.0.0.1, with keys, configuration and authorized_keys of its own. It
/// runs as the user of the test, whom it lets in with a key. Its log is printed when a test failed.
class Sshd {
  public:
    /// `more`: lines of sshd_config, which come first and so take precedence.
    explicit Sshd(const std::string& more = {});
    /// Ends it and its sessions.
    ~Sshd();
    Sshd(const Sshd&) = delete;
    Sshd& operator=(const Sshd&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] const std::string& user() const noexcept { return user_; }
    /// "user@127.0.0.1:port".
    [[nodiscard]] std::string address() const;
    [[nodiscard]] const TempDir& dir() const noexcept { return dir_; }
    [[nodiscard]] const SshKey& host_key() const noexcept { return host_key_; }
    /// The key that it lets in.
    [[nodiscard]] const SshKey& client_key() const noexcept { return client_key_; }
    /// "[127.0.0.1]:port ssh-ed25519 AAAA...\n".
    [[nodiscard]] std::string known_hosts_line() const;

    /// Lets in another key too.
    void authorize(const SshKey& key, const std::string& options = {});

    /// The processes that serve its connections.
    [[nodiscard]] std::vector<pid_t> sessions() const;
    void signal_sessions(int number) const;

    [[nodiscard]] std::string log() const;

  private:
    void start(const std::string& more);
    [[nodiscard]] bool answers() const;

    TempDir dir_;
    std::string user_;
    SshKey host_key_;
    SshKey client_key_;
    std::uint16_t port_ = 0;
    std::unique_ptr<Process> process_;
};

/// A real ssh-agent that holds the given keys.
class SshAgent {
  public:
    explicit SshAgent(const std::vector<SshKey>& keys);

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
    void signal(int number) const { process_->signal(number); }

  private:
    TempDir dir_;
    std::string socket_;
    std::unique_ptr<Process> process_;
};

}  // namespace switchyard::test
