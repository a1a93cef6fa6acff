#include "deploy/remote_session.hpp"

#include "config/values.hpp"
#include "deploy/channel.hpp"
#include "deploy/command_line.hpp"
#include "deploy/connect.hpp"
#include "deploy/host_key.hpp"
#include "deploy/login.hpp"
#include "deploy/running_command.hpp"

#include <poll.h>
#include <system_error>
#include <utility>

namespace switchyard::deploy {

using Kind = Outcome::Kind;

RemoteSession::RemoteSession(config::DeployHost host, config::Ssh ssh,
                             std::shared_ptr<const Cancellation> cancellation, Patience patience)
    : host_(std::move(host)),
      ssh_(std::move(ssh)),
      cancellation_(std::move(cancellation)),
      patience_(patience) {}

RemoteSession::~RemoteSession() = default;

Outcome RemoteSession::outcome_of(Fault fault) const {
    if (fault.kind == Kind::cancelled) fault.message = "cancelled";
    return {fault.kind, 0, host_.text + ": " + fault.message, false};
}

Outcome RemoteSession::connect() {
    if (cancellation_->requested()) return outcome_of({Kind::cancelled, {}});
    // It may have been lost without anybody having looked.
    if (link_ && !link_->pause(TimePoint::max(), true)) return {};
    if (cancellation_->requested()) return outcome_of({Kind::cancelled, {}});
    link_.reset();
    const TimePoint deadline = Clock::now() + ssh_.connect_timeout;
    const auto in_time = [this](Fault fault, const char* what) {
        if (fault.kind == Kind::timed_out) {
            fault.message = std::string(what) + " within " +
                            config::format_duration(ssh_.connect_timeout) +
                            " ('ssh.connect_timeout')";
        }
        return outcome_of(std::move(fault));
    };
    const auto addresses = look_up(host_.host, host_.port, deadline, *cancellation_);
    if (!addresses) return outcome_of(addresses.error());
    auto socket = connect_tcp(*addresses, deadline, *cancellation_);
    if (!socket) return outcome_of(socket.error());
    auto link = std::make_unique<Link>(host_, ssh_, *std::move(socket), *cancellation_);
    if (auto fault = link->handshake(deadline)) {
        return in_time(*std::move(fault), "it takes connections, but no SSH session came about");
    }
    if (auto fault = verify_host_key(*link)) return outcome_of(*std::move(fault));
    if (auto fault = log_in(*link, deadline)) {
        return in_time(*std::move(fault), "the login was not answered");
    }
    link->expect_life();
    link_ = std::move(link);
    return {};
}

Outcome RemoteSession::run(const Command& command, const OnLine& on_line) {
    std::string marker = new_marker();
    const auto line = remote_command_line(command, marker);
    if (!line) {
        Outcome refused = outcome_of(line.error());
        refused.exit_status = 126;  // As a shell says that something can't be run.
        return refused;
    }
    if (Outcome connected = connect(); connected.kind != Kind::done) return connected;

    const TimePoint deadline = Clock::now() + command.timeout;
    Channel channel(*link_);
    RunningCommand running(std::move(marker), on_line);
    Outcome outcome;
    if (const auto fault = channel.start(*line, deadline)) {
        outcome = channel.requested() ? end(channel, running, *fault, command.timeout)
                                      : outcome_of(*fault);
    } else {
        outcome = follow(channel, running, deadline, command.timeout);
    }
    running.finish();
    return outcome;
}

Outcome RemoteSession::follow(Channel& channel, RunningCommand& running, TimePoint deadline,
                              milliseconds timeout) {
    const auto take = [&running](bool from_stderr, std::string_view octets) {
        running.take(from_stderr, octets);
    };
    TimePoint quiet_since = Clock::now();
    TimePoint last = TimePoint::max();
    bool had_result = false;
    bool left = false;
    for (;;) {
        const bool any = channel.read(take);
        if (!any && channel.at_end()) break;
        if (any || had_result != channel.has_result()) quiet_since = Clock::now();
        if (had_result != channel.has_result()) last = quiet_since + patience_.last_output;
        had_result = channel.has_result();
        // Something in the background may hold the output open for as long as it runs.
        const auto now = Clock::now();
        left = had_result && (now >= last || (!any && now - quiet_since >= patience_.open_output));
        if (left) break;
        if (const auto fault = link_->pause(deadline, any)) {
            left = fault->kind != Kind::lost;
            if (channel.has_result()) break;
            return end(channel, running, *fault, timeout);
        }
    }
    if (left) running.leave();
    if (const auto& signal = channel.signal()) {
        return {Kind::signal, 0, host_.text + ": signal " + *signal + " ended the command", false};
    }
    if (const auto status = channel.status()) {
        if (*status == 0) return {};
        return {Kind::exit_status, *status, host_.text + ": " + describe_exit_status(*status),
                false};
    }
    return end(channel, running,
               {Kind::lost, "the host closed the channel without saying how the command ended"},
               timeout);
}

Outcome RemoteSession::end(Channel& channel, RunningCommand& running, const Fault& why,
                           milliseconds timeout) {
    Outcome outcome = outcome_of(why);
    if (why.kind == Kind::timed_out) {
        outcome.message = host_.text + ": the command took longer than " +
                          config::format_duration(timeout) + " and was ended";
    } else if (why.kind == Kind::cancelled) {
        outcome.message = host_.text + ": cancelled, the command was ended";
    }
    if (channel.has_result()) return outcome;
    if (why.kind != Kind::lost) {
        link_->heed_cancellation(false);
        const bool gone = end_group(channel, running);
        link_->heed_cancellation(true);
        if (gone) return outcome;
    }
    outcome.may_still_run = true;
    const std::string number = running.pid() ? std::to_string(*running.pid()) : "";
    outcome.message += why.kind == Kind::lost ? ". The command may still run there"
                                              : ", but that could not be seen: it may still run";
    if (!number.empty()) {
        outcome.message += " (process group " + number + ": 'ps -o pid,args -s " + number + "')";
    }
    return outcome;
}

/// True: nothing of the command's process group runs any more.
bool RemoteSession::end_group(Channel& channel, RunningCommand& running) {
    const TimePoint deadline =
        Clock::now() + patience_.to_ask + patience_.after_term + patience_.after_kill;
    const auto take = [&running](bool from_stderr, std::string_view octets) {
        running.take(from_stderr, octets);
    };
    // It may just have begun, and not have told its PID.
    while (!running.pid() && !channel.at_end()) {
        const bool any = channel.read(take);
        if (!running.pid() && link_->pause(deadline, any)) return false;
    }
    if (!running.pid()) return channel.has_result();
    Channel second(*link_);
    if (second.start(ending_command_line(*running.pid(), patience_), deadline)) return false;
    for (;;) {
        // The first one's output goes on being read, or its last lines are lost.
        const bool any = channel.read(take) | second.read([](bool, std::string_view) {});
        if (second.has_result() || second.at_end()) break;
        if (link_->pause(deadline, any)) return false;
    }
    const TimePoint last_lines = Clock::now() + patience_.open_output;
    while (channel.read(take) || !channel.at_end()) {
        if (link_->pause(last_lines)) break;
    }
    return second.status() == 0;
}

void RemoteSession::idle(int fd) {
    if (link_) {
        link_->idle(fd);
        return;
    }
    pollfd told{fd, POLLIN, 0};
    ::poll(&told, 1, -1);
}

}  // namespace switchyard::deploy
