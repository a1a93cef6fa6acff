#include "admin/canary_stream.hpp"

#include "admin/fields.hpp"
#include "admin/print/canary.hpp"
#include "admin/print/error.hpp"

namespace switchyard::admin {

void CanaryStream::line(std::string_view raw, const json::value& event) {
    const std::string kind = text(event, "event");
    if (kind == "canary") changed_ = true;
    if (context_.json) {
        print_json(context_, raw);
    } else if (kind == "canary") {
        context_.out << print_canary_changed(event, context_.screen) << std::flush;
    } else if (kind == "drained") {
        context_.out << print_canary_drained(event, context_.screen) << std::flush;
    }
    if (kind != "drained") return;
    drained_ = true;
    const json::value& tunnels = field(event, "tunnels");
    const bool stuck = integer(tunnels, "remaining") != 0 && text(tunnels, "policy") != "keep";
    const bool all = integer(event, "cut") == 0 && integer(event, "remaining") == 0 && !stuck;
    context_.exit_code = all ? kDone : kNotDrained;
}

void CanaryStream::end(const AnswerResult& result) {
    if (!result) return lost(result.error());
    if (!result->ok()) {
        report_refusal(context_, *result);
        // What is so already is what was asked for.
        const std::string code = error_code(result->json);
        if (code == "canary_unchanged" || code == "no_canary") context_.exit_code = kDone;
        return;
    }
    if (result->json.is_null()) {
        if (!changed_ || (wait_ && !drained_)) {
            lost({Failure::Kind::broken,
                  "The daemon (" + context_.socket + ") ended its answer too early.", ""});
        }
        return;
    }
    const bool plan = flag(result->json, "plan");
    if (plan) context_.exit_code = flag(result->json, "allowed") ? kDone : kRefused;
    if (context_.json) return print_json(context_, result->body);
    context_.out << (plan ? print_canary_plan(result->json, context_.screen)
                          : print_canary_changed(result->json, context_.screen));
}

void CanaryStream::lost(Failure failure) {
    if (drained_) return;
    if (changed_) {
        failure.hint = "The canary of " + service_ +
                       " is off and stays so; the drain goes on without this command. See: "
                       "switchyard status " +
                       service_;
    } else if (failure.kind != Failure::Kind::unreachable) {
        failure.hint =
            "The outcome is unknown: it may be changed or not. See: switchyard canary " + service_;
    }
    report(context_, failure);
    if (changed_) context_.exit_code = kNotDrained;
}

}  // namespace switchyard::admin
