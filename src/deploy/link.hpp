#pragma once

#include "config/config.hpp"
#include "deploy/cancellation.hpp"
#include "deploy/outcome.hpp"

#include <libssh/libssh.h>
#include <memory>
#include <optional>

namespace switchyard::deploy {

struct SessionFree {
    void operator()(ssh_session session) const noexcept { ::ssh_free(session); }
};
struct EventFree {
    void operator()(ssh_event event) const noexcept { ::ssh_event_free(event); }
};
struct KeyFree {
    void operator()(ssh_key key) const noexcept { ::ssh_key_free(key); }
};
using KeyPointer = std::unique_ptr<ssh_key_struct, KeyFree>;

/// One libssh session on a socket of ours: never blocks, except for a moment in pause(). It reads
/// no configuration but what it is given. To be used on one thread only; `cancellation` outlives
/// it.
class Link {
  public:
    Link(const config::DeployHost& host, const config::Ssh& ssh, Descriptor socket,
         const Cancellation& cancellation);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// Exchanges keys; the host key is not verified yet.
    [[nodiscard]] std::optional<Fault> handshake(TimePoint deadline);

    [[nodiscard]] ssh_session session() const noexcept { return session_.get(); }
    [[nodiscard]] const config::DeployHost& host() const noexcept { return host_; }
    [[nodiscard]] const config::Ssh& settings() const noexcept { return ssh_; }
    [[nodiscard]] const Cancellation& cancellation() const noexcept { return cancellation_; }

    /// What libssh says went wrong.
    [[nodiscard]] std::string error() const;

    /// Works on whatever arrives, up to 50 ms long (or not at all, see `at_once`), and sends
    /// keep-alives. A fault: cancelled, the deadline, or the connection is lost.
    [[nodiscard]] std::optional<Fault> pause(TimePoint deadline, bool at_once = false);

    /// Waits until `fd` is readable, somebody cancels, or the connection is lost.
    void idle(int fd);

    [[nodiscard]] bool connected() const;

    /// From here on silence is answered by keep-alives, and three of them without an answer mean
    /// that the connection is lost.
    void expect_life();

    /// Whether a cancellation ends pause(). Not while what runs is being ended.
    void heed_cancellation(bool heeds);

  private:
    void keep_alive();
    void poll(int timeout_ms);

    const config::DeployHost host_;
    const config::Ssh ssh_;
    const Cancellation& cancellation_;
    std::unique_ptr<ssh_session_struct, SessionFree> session_;
    std::unique_ptr<ssh_event_struct, EventFree> event_;
    bool in_event_ = false;
    bool heeds_cancellation_ = true;
    bool expects_life_ = false;
    bool silent_ = false;  ///< Too many keep-alives went without an answer.
    ssh_counter_struct counted_{};
    std::uint64_t heard_ = 0;
    TimePoint next_keep_alive_;
    int unanswered_ = 0;
};

}  // namespace switchyard::deploy
