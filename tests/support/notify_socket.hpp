#pragma once

#include "support/deadline.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace switchyard::test {

/// What systemd would be for the daemon: the socket of NOTIFY_SOCKET. Tells exactly when the daemon
/// is ready, reloading or stopping.
class NotifySocket {
  public:
    explicit NotifySocket(std::string path);
    ~NotifySocket();
    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// Waits for a line such as "READY=1" that was not waited for before. False at the deadline, or
    /// when `pid_fd` (of the daemon) tells that it ended.
    [[nodiscard]] bool wait_for(std::string_view line, int pid_fd, Deadline deadline = {});

    /// All lines that came so far, oldest first; collects what is there without waiting.
    const std::vector<std::string>& lines();

  private:
    bool receive();

    std::string path_;
    int fd_ = -1;
    std::size_t seen_ = 0;  // Lines before this one were waited for.
    std::vector<std::string> lines_;
};

}  // namespace switchyard::test
