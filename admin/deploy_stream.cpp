#include "admin/deploy_stream.hpp"

#include "admin/fields.hpp"
#include "admin/print/change.hpp"
#include "admin/print/deploy.hpp"
#include "admin/print/error.hpp"
#include "admin/print/hold.hpp"

namespace switchyard::admin {

namespace {

constexpr std::chrono::seconds kRemarkEvery{5};

}  // namespace

void DeployStream::line(std::string_view raw, const json::value& event) {
    const std::string kind = text(event, "event");
    if (context_.json) {
        print_json(context_, raw);
    } else {
        show(kind, event);
    }
    if (kind == "committed") {
        committed_ = event;
        committed_at_ = Clock::now();
    }
    if (kind == "result") finish(event);
}

void DeployStream::show(std::string_view kind, const json::value& event) {
    if (kind == "deploy") {
        print(print_deploy_begun(event, context_.screen));
    } else if (kind == "stage_begun") {
        stage_ = event;
        stage_seen_ = Clock::now();
        remark_.clear();
        show_running();
    } else if (kind == "stage_ended") {
        stage_ = nullptr;
        print(print_stage_ended(event, context_.screen));
    } else if (kind == "output") {
        print(print_output(event, context_.screen));
    } else if (kind == "health" || kind == "waiting" || kind == "draining") {
        remark_ = text(event, "message");
        if (kind != "health") {
            const std::int64_t tunnels = integer(event, "tunnels");
            remark_ = std::to_string(integer(event, "in_flight")) + " requests in flight" +
                      (tunnels == 0 ? "" : " and " + counted(tunnels, "tunnel")) + " on " +
                      text(event, "slot");
        }
        const auto now = Clock::now();
        if (!context_.screen.terminal && remark_ != told_ && !remark_.empty() && now >= tell_at_) {
            told_ = remark_;
            tell_at_ = now + kRemarkEvery;
            print("  " + printable(remark_) + "\n");
        }
        show_running();
    } else if (kind == "committed") {
        print(print_committed(event, context_.screen));
    } else if (kind == "released") {
        print(print_switch_hold(event, context_.screen));
    } else if (kind == "drained") {
        print(print_drained(event, committed_, context_.screen));
    } else if (kind == "cancelling") {
        const std::string user = printable(text(event, "user"));
        print("  Cancelled by " +
              (user.empty() ? "uid " + std::to_string(integer(event, "uid")) : user) +
              "; waiting for what runs on the hosts to end.\n");
    } else if (kind == "cancel_too_late") {
        print(print_error(event, context_.screen));
    } else if (kind == "lost") {
        print("  (" + counted(integer(event, "count"), "line") + " of output not shown)\n");
    }
}

void DeployStream::tick() {
    show_running();
}

void DeployStream::note(const std::string& text) {
    erase_running();
    context_.err << text << std::flush;
    show_running();
}

void DeployStream::print(const std::string& text) {
    erase_running();
    context_.out << text << std::flush;
    show_running();
}

void DeployStream::show_running() {
    if (context_.json || !context_.screen.terminal || !stage_.is_object()) return;
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - stage_seen_);
    context_.out << '\r'
                 << elided(print_stage_running(stage_, elapsed, remark_),
                           context_.screen.columns - 1)
                 << "\x1b[K" << std::flush;
    running_shown_ = true;
}

void DeployStream::erase_running() {
    if (running_shown_) context_.out << "\r\x1b[K" << std::flush;
    running_shown_ = false;
}

void DeployStream::finish(const json::value& result) {
    result_ = result;
    stage_ = nullptr;
    const std::string outcome = text(result, "outcome");
    const bool good = outcome == "deployed" || outcome == "switched";
    context_.exit_code = good ? kDone : kRefused;
    if (flag(result, "committed") && !flag(result, "drained")) context_.exit_code = kNotDrained;
    if (context_.json) return;
    if (good) {
        print(print_deploy_done(result, context_.screen));
    } else {
        erase_running();
        context_.err << print_deploy_failed(result, context_.screen) << std::flush;
    }
}

void DeployStream::end(const AnswerResult& result) {
    stage_ = nullptr;
    erase_running();
    if (!result_.is_null()) return;  // Everything was said.
    if (!result) {
        lost(result.error());
    } else if (!result->ok()) {
        report_refusal(context_, *result);
    } else {
        lost({Failure::Kind::broken,
              "The daemon (" + context_.socket + ") ended its answer too early.", ""});
    }
}

bool DeployStream::ip_to_wait_for() const {
    return text(result_, "outcome") == "switched" && field(committed_, "reserved_ip").is_object();
}

std::int64_t DeployStream::epoch() const {
    return integer(committed_, "epoch");
}

void DeployStream::lost(Failure failure) {
    if (failure.kind == Failure::Kind::interrupted) failure.message = "Detached.";
    if (failure.kind != Failure::Kind::unreachable) {
        failure.hint =
            "If the daemon lives, the deploy goes on without this command. Follow it: "
            "switchyard deploy " +
            service_ + " --attach. See: switchyard history " + service_;
        if (!committed_.is_null()) {
            failure.hint = text(committed_, "to") + " is live (epoch " +
                           std::to_string(integer(committed_, "epoch")) + "). " + failure.hint;
        }
    }
    report(context_, failure);
    if (!committed_.is_null()) context_.exit_code = kNotDrained;
}

}  // namespace switchyard::admin
