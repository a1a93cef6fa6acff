#pragma once

#include "base/colour.hpp"
#include "support/admin_client.hpp"
#include "support/notify_socket.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace switchyard::test {

/// Memory that a daemon must not grow by for what is bounded. (A sanitizer keeps freed memory.)
#if defined(SWITCHYARD_ASAN) || defined(SWITCHYARD_TSAN)
inline constexpr std::size_t kNoticeableBytes = 128 * 1024 * 1024;
#else
inline constexpr std::size_t kNoticeableBytes = 8 * 1024 * 1024;
#endif

/// The real switchyardd with a configuration of the test's, in a folder of its own. Listeners are
/// written with port 0; address() tells the real one. If the test failed, the daemon's log is
/// printed when it goes.
class Daemon {
  public:
    /// Writes the configuration, but starts nothing. "${DIR}" in it becomes the folder. Where it
    /// has no top-level `admin:`, `state:` or `workers:`, a line is added: the socket and the state
    /// in the folder, two workers.
    explicit Daemon(std::string_view yaml);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Starts it and waits until it says READY=1. Throws std::runtime_error with the log if it ends
    /// instead. May be called again after the daemon has ended: the state is kept.
    void start(Deadline deadline = {});

    /// Starts it expecting that it ends by itself (a bad configuration, a busy port).
    Exit start_expecting_exit(Deadline deadline = {});

    /// Runs `switchyardd --check` on the configuration, with further options.
    [[nodiscard]] Run check(std::vector<std::string> options = {}) const;

    void write_config(std::string_view yaml);
    [[nodiscard]] std::string config_path() const { return dir_.file("switchyard.yaml"); }
    [[nodiscard]] const TempDir& dir() const noexcept { return dir_; }

    /// "127.0.0.1:PORT" of the listener at this place in the configuration.
    [[nodiscard]] std::string address(std::size_t listener = 0) const;
    [[nodiscard]] AdminClient admin() const { return AdminClient(dir_.file("admin.sock")); }

    /// Waits until a slot has a healthy target (or has none any more); false at the deadline.
    [[nodiscard]] bool wait_healthy(std::string_view service, Colour colour, bool healthy = true,
                                    Deadline deadline = {}) const;

    /// Runs the command line against this daemon.
    [[nodiscard]] Run cli(std::vector<std::string> arguments, Deadline deadline = {}) const;

    void signal(int number) const;
    /// SIGKILL, and waits until it is gone.
    void kill();
    /// None if it still runs at the deadline.
    std::optional<Exit> wait_exit(Deadline deadline = {});
    /// SIGTERM and the orderly end; throws std::runtime_error if it does not come.
    Exit terminate(Deadline deadline = {});

    [[nodiscard]] bool running();
    [[nodiscard]] pid_t pid() const { return process_->pid(); }
    [[nodiscard]] std::string log() const { return read_file(dir_.file("daemon.log")); }
    [[nodiscard]] NotifySocket& notify() noexcept { return *notify_; }

    /// Resident memory (VmRSS) and open file descriptors of the daemon.
    [[nodiscard]] std::size_t resident_bytes() const;
    [[nodiscard]] std::size_t open_files() const;

  private:
    void spawn();

    TempDir dir_;
    std::unique_ptr<NotifySocket> notify_;
    std::unique_ptr<Process> process_;
};

}  // namespace switchyard::test
