#pragma once

#include "admin/client.hpp"
#include "admin/context.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace switchyard::admin {

/// Follows a hold from the request to the moment at which nobody waits any more: prints how it goes
/// and judges how it ended.
class HoldStream {
  public:
    /// `detach`: the stream is expected to end after `held`. `idle_wanted`: nothing may be in
    /// flight any more by then.
    HoldStream(Context& context, std::string service, bool detach, bool idle_wanted)
        : context_(context),
          service_(std::move(service)),
          detach_(detach),
          idle_wanted_(idle_wanted) {}

    /// A line of the stream; see docs/admin-api.md.
    void line(std::string_view raw, const boost::json::value& event);

    /// Something from elsewhere has to be said between the lines.
    void note(const std::string& text);

    /// The end, however it came. Sets the context's exit code.
    void end(const AnswerResult& result);

    /// It is in force, as far as was seen.
    [[nodiscard]] bool holding() const noexcept { return !held_.is_null() && !released_; }

  private:
    void progress(const boost::json::value& event);
    void lost(Failure failure);
    void erase_progress();

    Context& context_;
    std::string service_;
    bool detach_;
    bool idle_wanted_;
    boost::json::value held_;  ///< Null until the event came.
    bool released_ = false;
    bool progress_shown_ = false;        ///< A line on the terminal that will be overwritten.
    std::int64_t next_progress_ms_ = 0;  ///< Not on a terminal: when to print the next line.
};

}  // namespace switchyard::admin
