#include "control/hold_view.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace json = boost::json;

namespace {

std::int64_t oldest_ms(const HoldJob& job) {
    const std::uint64_t since = job.room->oldest_ns();
    const std::uint64_t now = steady_now_ns();
    return since == 0 || now < since ? 0 : static_cast<std::int64_t>((now - since) / 1'000'000);
}

std::int64_t remaining_ms(const HoldJob& job) {
    return std::max<std::int64_t>(0, milliseconds_between(Steady::now(), job.deadline));
}

/// How it goes, or went, with those who came.
void add_counts(json::object& object, const HoldJob& job) {
    const route::HoldRoom::Totals counts = job.room->totals() - job.before;
    object["total"] = counts.held;
    object["released"] = counts.released;
    object["timed_out"] = counts.timed_out;
    object["left"] = counts.left;
    object["cut"] = counts.cut;
    object["full"] = counts.full;
}

std::string name_of(const Caller& caller) {
    return caller.user.empty() ? fmt::format("uid {}", caller.uid) : caller.user;
}

}  // namespace

json::object held_json(const HoldJob& job, const route::ServiceState* state,
                       std::uint64_t in_flight) {
    json::object line;
    line["event"] = "held";
    line["at"] = rfc3339(Wall::now());
    line["service"] = job.service;
    line["since"] = rfc3339(job.since);
    line["deadline"] = rfc3339(job.deadline_at());
    line["remaining_ms"] = remaining_ms(job);
    line["live"] = nullptr;
    line["epoch"] = 0;
    line["wait_ms"] = 0;
    if (state != nullptr) {
        line["live"] = to_string(state->live);
        line["epoch"] = state->epoch;
        line["wait_ms"] = state->config->hold.wait.count();
    }
    line["in_flight"] = in_flight;
    line["history_id"] = job.history_id;
    return line;
}

json::object holding_json(const HoldJob& job, std::uint64_t in_flight) {
    json::object line;
    line["event"] = "holding";
    line["service"] = job.service;
    line["held"] = job.room->requests();
    line["bytes"] = job.room->bytes();
    line["oldest_ms"] = oldest_ms(job);
    add_counts(line, job);
    line["in_flight"] = in_flight;
    line["elapsed_ms"] = milliseconds_between(job.begun, Steady::now());
    line["remaining_ms"] = remaining_ms(job);
    return line;
}

json::object released_json(const HoldJob& job, const route::ServiceState* state,
                           Steady::time_point ended) {
    json::object line;
    line["event"] = "released";
    line["service"] = job.service;
    line["reason"] = to_string(*job.end);
    add_counts(line, job);
    line["remaining"] = job.room->requests();
    line["longest_wait_ms"] = job.room->longest_us(job.number) / 1000;
    line["elapsed_ms"] = milliseconds_between(job.begun, ended);
    line["live"] = nullptr;
    line["epoch"] = 0;
    if (state != nullptr) {
        line["live"] = to_string(state->live);
        line["epoch"] = state->epoch;
    }
    line["uid"] = job.ended_by.uid;
    line["user"] = job.ended_by.user;
    line["history_id"] = job.history_id;
    return line;
}

std::string hold_remark(const HoldJob& job) {
    switch (*job.end) {
        case HoldEnd::released:
        case HoldEnd::switched:
            if (job.ended_by.uid == job.caller.uid) return {};
            return fmt::format("released by {}", name_of(job.ended_by));
        case HoldEnd::failed:
            return "a worker did not confirm it in time";
        case HoldEnd::expired:
            return fmt::format("nobody released it within {} ms", job.max.count());
        case HoldEnd::maintenance:
            return "the service went into maintenance";
        case HoldEnd::removed:
            return "a reload took the service away";
        case HoldEnd::stopped:
            return "the daemon was stopped";
    }
    return {};
}

json::value hold_status_json(const HoldJob* job) {
    if (job == nullptr) return nullptr;
    json::object object;
    object["since"] = rfc3339(job->since);
    object["deadline"] = rfc3339(job->deadline_at());
    object["held"] = job->room->requests();
    object["bytes"] = job->room->bytes();
    object["oldest_ms"] = oldest_ms(*job);
    add_counts(object, *job);
    object["by_switch"] = job->by_switch;
    object["uid"] = job->caller.uid;
    object["user"] = job->caller.user;
    return object;
}

}  // namespace switchyard::control
