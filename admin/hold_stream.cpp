#include "admin/hold_stream.hpp"

#include "admin/fields.hpp"
#include "admin/print/error.hpp"
#include "admin/print/hold.hpp"
#include "admin/print/time.hpp"

#include <utility>

namespace switchyard::admin {

namespace {

constexpr std::int64_t kProgressEveryMs = 5'000;

}  // namespace

void HoldStream::line(std::string_view raw, const json::value& event) {
    const std::string kind = text(event, "event");
    if (kind == "held") held_ = event;
    if (context_.json) {
        print_json(context_, raw);
    } else if (kind == "held") {
        context_.out << print_held(event, context_.screen) << std::flush;
    } else if (kind == "holding") {
        progress(event);
    } else if (kind == "released") {
        erase_progress();
        context_.out << print_released(event, context_.screen) << std::flush;
    }
    if (kind == "held" && idle_wanted_ && integer(event, "in_flight") != 0) {
        context_.exit_code = kNotDrained;
    }
    if (kind == "released") {
        released_ = true;
        context_.exit_code = all_went_on(event) ? kDone : kNotDrained;
    }
}

void HoldStream::progress(const json::value& event) {
    if (context_.screen.terminal) {
        context_.out << '\r' << elided(print_holding(event), context_.screen.columns - 1)
                     << "\x1b[K" << std::flush;
        progress_shown_ = true;
        return;
    }
    const std::int64_t elapsed = integer(event, "elapsed_ms");
    if (elapsed < next_progress_ms_) return;
    next_progress_ms_ = elapsed + kProgressEveryMs;
    context_.out << print_holding(event) << std::endl;
}

void HoldStream::erase_progress() {
    if (progress_shown_) context_.out << "\r\x1b[K";
    progress_shown_ = false;
}

void HoldStream::note(const std::string& text) {
    erase_progress();
    context_.out << text << std::flush;
}

void HoldStream::end(const AnswerResult& result) {
    erase_progress();
    if (!result) {
        lost(result.error());
    } else if (!result->ok()) {
        report_refusal(context_, *result);
    } else if (held_.is_null() || (!detach_ && !released_)) {
        lost({Failure::Kind::broken,
              "The daemon (" + context_.socket + ") ended its answer too early.", ""});
    }
}

void HoldStream::lost(Failure failure) {
    if (released_) return;
    if (held_.is_null()) {
        if (failure.kind != Failure::Kind::unreachable) {
            failure.hint = "It may be held or not. See: switchyard status " + service_;
        }
        report(context_, failure);
        return;
    }
    if (failure.kind == Failure::Kind::interrupted) failure.message = "Interrupted.";
    failure.hint = service_ + " is still held, until " + format_time(text(held_, "deadline")) +
                   " at the latest. See: switchyard status " + service_ +
                   "; end it: switchyard release " + service_;
    report(context_, failure);
    context_.exit_code = kNotDrained;
}

}  // namespace switchyard::admin
