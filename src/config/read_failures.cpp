// What is done about targets that fail: ejection, retries, failover.
#include "config/read.hpp"

#include <algorithm>
#include <initializer_list>

namespace switchyard::config {

namespace {

/// "20%".
Parsed<std::uint64_t> parse_percent(std::string_view text, std::uint64_t least,
                                    std::uint64_t most) {
    const std::string expected = "expected a percentage from " + std::to_string(least) + "% to " +
                                 std::to_string(most) + "%, like \"20%\"";
    if (!text.ends_with('%')) return refusal(expected);
    text.remove_suffix(1);
    auto number = parse_number(text, least, most);
    if (!number) return refusal(expected);
    return number;
}

void read_percent(Section& section, std::string_view key, std::uint32_t& out, std::uint64_t least,
                  std::uint64_t most) {
    section.read(key, out, [=](std::string_view text) { return parse_percent(text, least, most); });
}

Parsed<std::uint16_t> parse_retried_status(std::string_view text) {
    for (const std::uint16_t status : std::initializer_list<std::uint16_t>{502, 503, 504}) {
        if (text == std::to_string(status)) return status;
    }
    return refusal(in_quotes(text) + " is not tried again; expected 502, 503 or 504");
}

bool is_scalar(const Value* value) {
    return value != nullptr && value->kind == Value::Kind::scalar;
}

}  // namespace

void read_ejection(Section& section, Ejection& ejection) {
    section.number("failures", ejection.failures, 0, 1'000);
    section.duration("duration", ejection.duration, 1ms, 1h);
    section.number("errors", ejection.errors, 0, 1'000);
    section.read("slow_factor", ejection.slow_factor,
                 [](std::string_view text) -> Parsed<std::uint64_t> {
                     if (text == "0") return std::uint64_t{0};
                     return parse_number(text, 2, 100);
                 });
    section.duration("slow_by", ejection.slow_by, 1ms, 1h);
    section.duration("interval", ejection.interval, 1s, 1h);
    section.duration("outlier_duration", ejection.outlier_duration, 1ms, 1h);
    section.duration("longest", ejection.longest, 1ms, 24h);
    read_percent(section, "share", ejection.share, 1, 99);
    if (ejection.longest < ejection.outlier_duration) {
        const char* key = section.has("longest") ? "longest" : "outlier_duration";
        section.problem(section.mark(key), key,
                        "the first ejection lasts " + format_duration(ejection.outlier_duration) +
                            " ('outlier_duration'), but none may last longer than " +
                            format_duration(ejection.longest) + " ('longest')");
    }
}

void read_retries(Section& section, Retries& retries) {
    if (is_scalar(section.value("retries"))) {
        section.number("retries", retries.attempts, 0, 10);
        return;
    }
    section.section("retries", [&](Section& inner) {
        inner.number("attempts", retries.attempts, 0, 10);
        read_percent(inner, "budget", retries.budget, 0, 100);
        inner.number("minimum", retries.minimum, 0, 100'000);
        inner.duration("try_timeout", retries.try_timeout, 0ms, kLongestDuration);
        inner.duration("backoff", retries.backoff, 0ms, 10s);
        inner.size("body_bytes", retries.body_bytes, 0, 64 * kMiB);
        inner.size("bodies_bytes", retries.bodies_bytes, 0, 64 * 1024 * kMiB);
        inner.texts("statuses", parse_retried_status, [&](std::uint16_t status, Mark) {
            if (std::find(retries.statuses.begin(), retries.statuses.end(), status) ==
                retries.statuses.end()) {
                retries.statuses.push_back(status);
            }
        });
        if (retries.bodies_bytes < retries.body_bytes) {
            const char* key = inner.has("bodies_bytes") ? "bodies_bytes" : "body_bytes";
            inner.problem(inner.mark(key), key,
                          "one upload may take " + format_size(retries.body_bytes) +
                              " ('body_bytes'), but all of them together no more than " +
                              format_size(retries.bodies_bytes) + " ('bodies_bytes')");
        }
    });
}

void read_failover(Section& section, Service& service) {
    Failover& failover = service.failover;
    const auto parse = [](std::string_view text) -> Parsed<bool> {
        const auto index = parse_choice(text, {"off", "idle"});
        if (!index) return index.error();
        return *index == 1;
    };
    if (is_scalar(section.value("failover"))) {
        section.read("failover", failover.idle, parse);
    } else {
        section.section("failover", [&](Section& inner) {
            inner.read("to", failover.idle, parse);
            inner.duration("return_after", failover.return_after, 0ms, 1h);
        });
    }
    if (failover.idle && (!service.slots[0] || !service.slots[1])) {
        section.problem(section.mark("failover"), "failover",
                        "goes to the idle slot, and a service with one slot has none; expected "
                        "'blue' and 'green' in 'slots'");
    }
}

}  // namespace switchyard::config
