#include "admin/ip_wait.hpp"

#include "admin/fields.hpp"
#include "admin/print/error.hpp"
#include "admin/print/ip.hpp"
#include "admin/print/line.hpp"
#include "admin/print/time.hpp"

#include <algorithm>
#include <string>

#include <boost/json/serialize.hpp>

namespace switchyard::admin {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::string why(const json::value& ip) {
    const json::value& error = field(ip, "last_error");
    const std::string message = printable(text(error, "message"));
    return flag(error, "over") || message.empty() ? std::string() : ": " + message;
}

void tell(Context& context, const Answer& answer, milliseconds wait) {
    const bool followed = flag(answer.json, "followed");
    const json::value& ip = field(answer.json, "reserved_ip");
    if (!followed) context.exit_code = kIpBehind;
    if (context.json) {
        json::object line;
        line["event"] = "reserved_ip";
        line["followed"] = followed;
        line["reserved_ip"] = ip;
        print_json(context, json::serialize(line));
    } else if (followed) {
        context.out << row("reserved IP", painted(context.screen, Paint::green, ip_summary(ip)));
    } else {
        context.out << row("NOT FOLLOWED",
                           painted(context.screen, Paint::red, ip_summary(ip) + why(ip)))
                    << row("", "waited " + format_span(wait) +
                                   "; it is tried on. See: switchyard ip status");
    }
    context.out << std::flush;
}

}  // namespace

void wait_for_ip(Context& context, std::int64_t epoch, milliseconds wait,
                 Clock::time_point deadline, int interrupt) {
    const bool live = context.screen.terminal && !context.json;
    // On a terminal the line is drawn again every second.
    const milliseconds longest(live ? 1'000 : 10'000);
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        const auto chunk = std::clamp(left, milliseconds(0), longest);
        const auto answer =
            context.client(interrupt).call("GET", "/v1/reserved_ip?epoch=" + std::to_string(epoch) +
                                                      "&wait_ms=" + std::to_string(chunk.count()));
        if (live) context.out << "\r\x1b[K";
        if (!answer) {
            Failure failure = answer.error();
            failure.hint =
                "The switch is done; whether the reserved IP follows is unknown. See: "
                "switchyard ip status";
            report(context, failure);
            context.exit_code = kIpBehind;
            return;
        }
        if (!answer->ok()) {
            report_refusal(context, *answer);
            context.exit_code = kIpBehind;
            return;
        }
        if (flag(answer->json, "followed") || Clock::now() >= deadline) {
            tell(context, *answer, wait);
            return;
        }
        if (live) {
            const std::string line = "  " + ip_summary(field(answer->json, "reserved_ip"));
            context.out << elided(line, context.screen.columns - 1) << std::flush;
        }
    }
}

}  // namespace switchyard::admin
