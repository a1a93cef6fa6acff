#pragma once

#include "admin/client.hpp"
#include "admin/context.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace switchyard::admin {

/// Follows a switch or rollback from the request to the end of the drain: prints what happens and
/// judges how it ended. The rule: what was seen is said, what was not seen is never guessed.
class SwitchStream {
  public:
    /// `wait` false: the stream is expected to end after `committed`.
    SwitchStream(Context& context, std::string service, bool wait)
        : context_(context), service_(std::move(service)), wait_(wait) {}

    /// A line of the stream; see docs/admin-api.md for the order.
    void line(std::string_view raw, const boost::json::value& event);

    /// The end, however it came. Sets the context's exit code.
    void end(const AnswerResult& result);

    /// The switch was seen to its end, and a reserved IP follows the service.
    [[nodiscard]] bool ip_to_wait_for() const;
    /// Of what was committed.
    [[nodiscard]] std::int64_t epoch() const;
    [[nodiscard]] std::chrono::steady_clock::time_point committed_at() const noexcept {
        return committed_at_;
    }

  private:
    void committed(const boost::json::value& event);
    void draining(const boost::json::value& event);
    void drained(const boost::json::value& event);
    void lost(Failure failure);
    void refused(const Answer& answer);
    void erase_progress();

    Context& context_;
    std::string service_;
    bool wait_;
    boost::json::value committed_;  ///< Null until the event came.
    std::chrono::steady_clock::time_point committed_at_{};
    bool lost_ = false;
    bool drained_ = false;
    bool progress_shown_ = false;        ///< A line on the terminal that will be overwritten.
    std::int64_t next_progress_ms_ = 0;  ///< Not on a terminal: when to print the next line.
};

}  // namespace switchyard::admin
