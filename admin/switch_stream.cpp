#include "admin/switch_stream.hpp"

#include "admin/fields.hpp"
#include "admin/print/change.hpp"
#include "admin/print/error.hpp"
#include "admin/print/hold.hpp"
#include "admin/print/time.hpp"

namespace switchyard::admin {

namespace {

constexpr std::int64_t kProgressEveryMs = 5'000;

}  // namespace

void SwitchStream::line(std::string_view raw, const json::value& event) {
    const std::string kind = text(event, "event");
    if (kind == "committed") {
        committed_ = event;
        committed_at_ = std::chrono::steady_clock::now();
    }
    if (context_.json) {
        print_json(context_, raw);
    } else if (kind == "committed") {
        committed(event);
    } else if (kind == "draining") {
        draining(event);
    } else if (kind == "released") {
        context_.out << print_switch_hold(event, context_.screen) << std::flush;
    }
    if (kind == "drained") drained(event);
}

void SwitchStream::committed(const json::value& event) {
    context_.out << print_committed(event, context_.screen) << std::flush;
}

void SwitchStream::draining(const json::value& event) {
    if (context_.screen.terminal) {
        context_.out << '\r' << elided(print_draining(event), context_.screen.columns - 1)
                     << "\x1b[K" << std::flush;
        progress_shown_ = true;
        return;
    }
    const std::int64_t elapsed = integer(event, "elapsed_ms");
    if (elapsed < next_progress_ms_) return;
    next_progress_ms_ = elapsed + kProgressEveryMs;
    context_.out << print_draining(event) << std::endl;
}

void SwitchStream::drained(const json::value& event) {
    drained_ = true;
    const json::value& tunnels = field(event, "tunnels");
    const bool stuck = integer(tunnels, "remaining") != 0 && text(tunnels, "policy") != "keep";
    const bool all = integer(event, "cut") == 0 && integer(event, "remaining") == 0 && !stuck &&
                     !flag(event, "cancelled");
    context_.exit_code = all ? kDone : kNotDrained;
    if (context_.json) return;
    erase_progress();
    context_.out << print_drained(event, committed_, context_.screen) << std::flush;
}

void SwitchStream::erase_progress() {
    if (progress_shown_) context_.out << "\r\x1b[K";
    progress_shown_ = false;
}

void SwitchStream::end(const AnswerResult& result) {
    erase_progress();
    if (!result) {
        lost(result.error());
    } else if (!result->ok()) {
        refused(*result);
    } else if (!result->json.is_null()) {
        // One object instead of a stream: a plan.
        if (context_.json) {
            print_json(context_, result->body);
        } else {
            context_.out << print_plan(result->json, context_.screen);
        }
        context_.exit_code = flag(result->json, "allowed") ? kDone : kRefused;
    } else if (committed_.is_null() || (wait_ && !drained_)) {
        lost({Failure::Kind::broken,
              "The daemon (" + context_.socket + ") ended its answer too early.", ""});
    } else if (!drained_ && !context_.json) {
        context_.out << print_not_waited(committed_, context_.screen);
    }
}

void SwitchStream::lost(Failure failure) {
    lost_ = !drained_;
    if (drained_) return;  // Everything was said; how the connection ended does not matter.
    const bool switched = !committed_.is_null();
    if (switched && failure.kind == Failure::Kind::interrupted) {
        failure.message = "Interrupted. " + text(committed_, "to") + " of " + service_ +
                          " is live (epoch " + std::to_string(integer(committed_, "epoch")) +
                          ") and stays so; the drain goes on without this command.";
        failure.hint = "See: switchyard status " + service_ +
                       "; take it back: switchyard rollback " + service_;
    } else if (switched) {
        failure.hint = text(committed_, "to") + " of " + service_ + " is live (epoch " +
                       std::to_string(integer(committed_, "epoch")) +
                       "), but how the drain ends is unknown. See: switchyard status " + service_;
    } else if (failure.kind != Failure::Kind::unreachable) {
        failure.hint =
            "The outcome is unknown: it may be switched or not. See: switchyard status " + service_;
    }
    report(context_, failure);
    if (switched) context_.exit_code = kNotDrained;
}

bool SwitchStream::ip_to_wait_for() const {
    return !lost_ && field(committed_, "reserved_ip").is_object();
}

std::int64_t SwitchStream::epoch() const {
    return integer(committed_, "epoch");
}

void SwitchStream::refused(const Answer& answer) {
    report_refusal(context_, answer);
    // Whoever asks for the slot that is live has what they want: a repeated command is no error.
    if (error_code(answer.json) == "already_live") context_.exit_code = kDone;
}

}  // namespace switchyard::admin
