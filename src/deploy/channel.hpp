#pragma once

#include "deploy/link.hpp"

#include <libssh/callbacks.h>
#include <optional>
#include <string>
#include <string_view>

namespace switchyard::deploy {

/// One command on a session.
class Channel {
  public:
    explicit Channel(Link& link);
    /// Closes it, which does not end what runs there.
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Asks for the channel and starts the command line.
    [[nodiscard]] std::optional<Fault> start(const std::string& line, TimePoint deadline);

    /// Whether the host may have begun with it.
    [[nodiscard]] bool requested() const noexcept { return requested_; }

    /// Reads what has arrived of both streams in turn, a bounded amount; `take(from_stderr,
    /// octets)`. False: there was nothing.
    template <class Take>
    bool read(Take take) {
        bool any = false;
        for (int turn = 0; turn < kTurns; ++turn) {
            bool more = false;
            for (const bool from_stderr : {false, true}) {
                const std::string_view octets = read_some(from_stderr);
                if (octets.empty()) continue;
                take(from_stderr, octets);
                more = any = true;
            }
            if (!more) break;
        }
        return any;
    }

    /// Nothing more comes, neither output nor a result. (A command may close its output and go on.)
    [[nodiscard]] bool at_end() const;
    /// The status or the signal has arrived.
    [[nodiscard]] bool has_result() const noexcept { return status_ || signal_; }
    [[nodiscard]] std::optional<int> status() const noexcept { return status_; }
    /// "TERM".
    [[nodiscard]] const std::optional<std::string>& signal() const noexcept { return signal_; }

  private:
    static constexpr int kTurns = 8;

    std::string_view read_some(bool from_stderr);
    static void on_status(ssh_session, ssh_channel, int status, void* self);
    static void on_signal(ssh_session, ssh_channel, const char* name, int core, const char* message,
                          const char* language, void* self);

    Link& link_;
    ssh_channel channel_;
    ssh_channel_callbacks_struct callbacks_{};
    bool requested_ = false;
    std::optional<int> status_;
    std::optional<std::string> signal_;
    char buffer_[16 * 1024];
};

}  // namespace switchyard::deploy
