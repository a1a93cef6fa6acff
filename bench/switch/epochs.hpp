#pragma once

#include "base/colour.hpp"
#include "bench/switch/tally.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace switchyard::bench {

/// What the proxy's access log says of one request.
struct LoggedRequest {
    std::uint64_t id = 0;  ///< The first half of its X-Request-Id.
    std::uint64_t epoch = 0;
    Colour slot{};
};

/// The first 64 bits of an X-Request-Id; 0: it is none of the proxy's.
std::uint64_t request_number(std::string_view request_id) noexcept;

/// Reads one line of the access log (JSON); false: not a request that reached a slot.
bool read_log_line(std::string_view line, LoggedRequest& request);

/// Reads the access log from a named pipe while it is written, on a thread of its own.
class LogReader {
  public:
    /// Makes the pipe and opens it: from then on the daemon can. Throws std::system_error.
    explicit LogReader(const std::string& pipe);
    ~LogReader();
    LogReader(const LogReader&) = delete;
    LogReader& operator=(const LogReader&) = delete;

    /// Requests read so far.
    std::uint64_t count() const noexcept { return count_.load(std::memory_order_acquire); }
    /// Ends the thread and hands out what was read.
    std::vector<LoggedRequest> finish();

  private:
    void run();

    int fd_ = -1;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> count_{0};
    std::vector<LoggedRequest> requests_;
    std::thread thread_;
};

/// Every answer with the epochs that may have given it, as the clients know them; compared with the
/// epoch in which the proxy says that it routed the request (C1, C2).
class Epochs {
  public:
    /// An answer by `slot` to a request that steps `first` to `last` of the timeline explain.
    void answered(std::string_view request_id, Colour slot, std::size_t first, std::size_t last);

    /// `first_epoch` is that of step 0. Each answer has to be in the log, once, routed to the slot
    /// that answered, in one of the epochs that explain it.
    void compare(const std::vector<LoggedRequest>& log, std::uint64_t first_epoch,
                 Violations& violations) const;

    std::size_t answers() const noexcept { return answers_.size(); }

  private:
    struct Answer {
        std::uint32_t first = 0;
        std::uint32_t last = 0;
        Colour slot{};
    };
    std::unordered_map<std::uint64_t, Answer> answers_;
};

}  // namespace switchyard::bench
