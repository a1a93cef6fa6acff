#pragma once

#include "base/error.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard {

/// Tells the service manager how the daemon is: datagrams to the socket in NOTIFY_SOCKET, as
/// sd_notify(3) describes them. Without a service manager every call does nothing and succeeds.
/// One thread.
class Notifier {
  public:
    /// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
    static Notifier from_environment();

    /// `socket`: a path, "@name" for an abstract socket, or empty for none.
    explicit Notifier(std::string socket,
                      std::optional<std::chrono::microseconds> watchdog_interval = std::nullopt);
    Notifier(Notifier&& other) noexcept;
    Notifier& operator=(Notifier&&) = delete;
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;
    ~Notifier();

    [[nodiscard]] bool enabled() const noexcept { return !socket_.empty(); }

    /// Up, or up again after reloading(). The status is one line for `systemctl status`.
    Result<void> ready(std::string_view status = {});
    /// A reload begins; ready() ends it, whether it worked or not.
    Result<void> reloading(std::string_view status = {});
    Result<void> stopping(std::string_view status = {});
    Result<void> status(std::string_view text);
    /// Still alive: to be sent every watchdog_interval().
    Result<void> watchdog();
    /// Start-up, reload or stop takes longer: at least this long from now on.
    Result<void> extend_timeout(std::chrono::microseconds time);

    /// How often watchdog() is due: half of the time after which the service manager kills. None
    /// when no watchdog is wanted, or it is meant for another process.
    [[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval() const noexcept {
        return watchdog_interval_;
    }

  private:
    Result<void> send(std::string_view assignments, std::string_view status);

    std::string socket_;
    std::optional<std::chrono::microseconds> watchdog_interval_;
    int descriptor_ = -1;  ///< Opened at the first use.
};

}  // namespace switchyard
