#pragma once

#include "admin/client.hpp"
#include "admin/context.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace switchyard::admin {

/// Follows a deploy from its first stage to its result: prints what happens and judges how it
/// ended. On a terminal the last line is the stage under way; elsewhere only what is over is
/// printed.
class DeployStream {
  public:
    using Clock = std::chrono::steady_clock;

    DeployStream(Context& context, std::string service)
        : context_(context), service_(std::move(service)) {}

    /// A line of the stream; see docs/admin-api.md.
    void line(std::string_view raw, const boost::json::value& event);

    /// About once a second: the time of the stage under way goes on.
    void tick();

    /// Something from elsewhere has to be said between the lines.
    void note(const std::string& text);

    /// The end, however it came. Sets the context's exit code.
    void end(const AnswerResult& result);

    /// The event `committed` was seen.
    [[nodiscard]] bool committed() const noexcept { return !committed_.is_null(); }

    /// It switched, and a reserved IP follows the service.
    [[nodiscard]] bool ip_to_wait_for() const;
    /// Of what was committed.
    [[nodiscard]] std::int64_t epoch() const;
    [[nodiscard]] Clock::time_point committed_at() const noexcept { return committed_at_; }

  private:
    void show(std::string_view kind, const boost::json::value& event);
    void finish(const boost::json::value& result);
    void lost(Failure failure);
    void print(const std::string& text);
    void show_running();
    void erase_running();

    Context& context_;
    std::string service_;
    boost::json::value stage_;      ///< The event of the stage under way; null: none.
    Clock::time_point stage_seen_;  ///< When it was seen.
    std::string remark_;            ///< On the stage under way.
    std::string told_;  ///< The remark that was printed last, elsewhere than on a terminal.
    Clock::time_point tell_at_{};
    bool running_shown_ = false;
    boost::json::value committed_;
    Clock::time_point committed_at_{};
    boost::json::value result_;
};

}  // namespace switchyard::admin
