#pragma once

#include "admin/client.hpp"
#include "admin/context.hpp"

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace switchyard::admin {

/// Follows a change of a canary: one answer, or, when it ends, the stream up to the end of the
/// drain. What was seen is said, what was not seen is never guessed.
class CanaryStream {
  public:
    /// `wait` false: the stream is expected to end after `canary`.
    CanaryStream(Context& context, std::string service, bool wait)
        : context_(context), service_(std::move(service)), wait_(wait) {}

    void line(std::string_view raw, const boost::json::value& event);
    /// The end, however it came. Sets the context's exit code.
    void end(const AnswerResult& result);

  private:
    void lost(Failure failure);

    Context& context_;
    std::string service_;
    bool wait_;
    bool changed_ = false;
    bool drained_ = false;
};

}  // namespace switchyard::admin
