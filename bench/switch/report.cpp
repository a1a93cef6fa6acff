#include "bench/switch/report.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <initializer_list>
#include <iterator>

#include <boost/json.hpp>

namespace switchyard::bench {
namespace {

__attribute__((format(printf, 2, 3))) void append(std::string& text, const char* format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > 0) text.append(line, std::min<std::size_t>(static_cast<std::size_t>(length), 511));
}

double ms(std::int64_t nanoseconds) {
    return static_cast<double>(nanoseconds) / 1e6;
}

unsigned long long wide(std::uint64_t value) {
    return value;
}

void append_latencies(std::string& text, const char* title, const Histogram& latency) {
    append(text, "  %-34s p50 %8.2f   p99 %8.2f   max %8.2f ms\n", title, ms(latency.quantile(0.5)),
           ms(latency.quantile(0.99)), ms(latency.max()));
}

/// Titles of columns, for so many groups of latencies.
void append_titles(std::string& text, int groups) {
    for (int i = 0; i < groups; ++i)
        append(text, " %8s %8s %8s %8s", "p50", "p99", "p99.9", "max");
    text += '\n';
}

void append_histograms(std::string& text, std::initializer_list<const Histogram*> histograms) {
    for (const Histogram* latency : histograms) {
        if (latency->count() == 0) {
            append(text, " %35s", "");
            continue;
        }
        append(text, " %8.2f %8.2f %8.2f %8.2f", ms(latency->quantile(0.5)),
               ms(latency->quantile(0.99)), ms(latency->quantile(0.999)), ms(latency->max()));
    }
    text += '\n';
}

void append_row(std::string& text, const char* name, const KindTally& tally) {
    append(text, "%-22s %9llu %9llu %6llu %6llu ", name, wide(tally.requests), wide(tally.ok),
           wide(tally.failed), wide(tally.left));
    append_histograms(text, {&tally.calm, &tally.switching});
}

void append_kinds(std::string& text, const Tally& tally) {
    append(text, "%-22s %9s %9s %6s %6s  %35s %35s\n", "", "", "", "", "",
           "latency in ms, nobody switches", "latency in ms, while switching");
    append(text, "%-22s %9s %9s %6s %6s ", "clients", "requests", "ok", "failed", "left");
    append_titles(text, 2);
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
        for (std::size_t over = 0; over < kTransports; ++over) {
            const KindTally& row = tally.kinds[kind][over];
            const std::string name = std::string(behaviour(static_cast<Kind>(kind)).name) +
                                     suffix(static_cast<Transport>(over));
            if (row.requests > 0) append_row(text, name.c_str(), row);
        }
    }
}

/// The requests that a switch may have met, next to the others.
void append_windows(std::string& text, const Tally& tally) {
    append(text, "\n%-22s %9s %9s  %35s %35s\n", "", "", "", "latency in ms, between switches",
           "latency in ms, around a switch");
    append(text, "%-22s %9s %9s ", "clients", "between", "around");
    append_titles(text, 2);
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
        for (std::size_t over = 0; over < kTransports; ++over) {
            const KindTally& row = tally.kinds[kind][over];
            if (row.around.count() == 0) continue;
            const std::string name = std::string(behaviour(static_cast<Kind>(kind)).name) +
                                     suffix(static_cast<Transport>(over));
            append(text, "%-22s %9llu %9llu ", name.c_str(), wide(row.between.count()),
                   wide(row.around.count()));
            append_histograms(text, {&row.between, &row.around});
        }
    }
}

void append_books(std::string& text, const ServiceResult& service) {
    const ClientBooks& clients = service.clients;
    append(text, "\n%-10s %10s %10s %10s %10s %10s %10s\n", service.name.c_str(), "accepted",
           "completed", "left", "failed", "by blue", "by green");
    append(text, "%-10s %10llu %10llu %10llu %10llu %10llu %10llu\n", "clients",
           wide(clients.accepted), wide(clients.completed), wide(clients.client_abort),
           wide(clients.failed), wide(clients.completed_by_slot[0]),
           wide(clients.completed_by_slot[1]));
    if (service.before.proxy && service.after.proxy) {
        const ProxyBooks& before = *service.before.proxy;
        const ProxyBooks& after = *service.after.proxy;
        const ProxyPage all = after.all - before.all;
        append(text, "%-10s %10llu %10llu %10llu %10llu %10llu %10llu\n", "proxy",
               wide(all.accepted), wide(all.completed), wide(all.client_abort),
               wide(all.upstream_error + all.refused + all.cut),
               wide(after.slots[0].completed - before.slots[0].completed),
               wide(after.slots[1].completed - before.slots[1].completed));
    }
    if (!service.after.origins[0] || !service.after.origins[1]) return;
    const OriginBooks blue = *service.after.origins[0] - *service.before.origins[0];
    const OriginBooks green = *service.after.origins[1] - *service.before.origins[1];
    append(text, "%-10s %10llu %10llu %10llu %10s %10llu %10llu\n", "origins",
           wide(blue.started + green.started), wide(blue.answered + green.answered),
           wide(blue.aborted + green.aborted), "", wide(blue.answered), wide(green.answered));
}

boost::json::object latency_json(const Histogram& latency) {
    return {{"count", latency.count()},
            {"p50_ms", ms(latency.quantile(0.5))},
            {"p99_ms", ms(latency.quantile(0.99))},
            {"p999_ms", ms(latency.quantile(0.999))},
            {"max_ms", ms(latency.max())}};
}

boost::json::object clients_json(const ClientBooks& books) {
    return {{"accepted", books.accepted},
            {"completed", books.completed},
            {"client_abort", books.client_abort},
            {"failed", books.failed},
            {"completed_blue", books.completed_by_slot[0]},
            {"completed_green", books.completed_by_slot[1]}};
}

boost::json::object page_json(const ProxyPage& page) {
    return {{"accepted", page.accepted},         {"completed", page.completed},
            {"client_abort", page.client_abort}, {"upstream_error", page.upstream_error},
            {"refused", page.refused},           {"cut", page.cut}};
}

boost::json::object books_json(const ServiceResult& result) {
    boost::json::object books{{"clients", clients_json(result.clients)}};
    if (result.before.proxy && result.after.proxy) {
        const ProxyBooks& before = *result.before.proxy;
        const ProxyBooks& after = *result.after.proxy;
        books["proxy"] = {{"all", page_json(after.all - before.all)},
                          {"blue", page_json(after.slots[0] - before.slots[0])},
                          {"green", page_json(after.slots[1] - before.slots[1])}};
    }
    for (const Colour colour : kColours) {
        const std::size_t i = index_of(colour);
        if (!result.before.origins[i] || !result.after.origins[i]) continue;
        const OriginBooks origin = *result.after.origins[i] - *result.before.origins[i];
        books["origin_" + std::string(to_string(colour))] = {{"started", origin.started},
                                                             {"answered", origin.answered},
                                                             {"aborted", origin.aborted},
                                                             {"malformed", origin.malformed}};
    }
    return books;
}

}  // namespace

std::string report_text(const Result& result, const Options& options) {
    std::string text;
    append_kinds(text, result.tally);
    if (options.windows) append_windows(text, result.tally);
    append(text, "\n%llu switches in %.1f s (after %.1f s without)\n", wide(result.switches),
           result.switching_seconds, result.calm_seconds);
    append_latencies(text, "command until acknowledged", result.command);
    append_latencies(text, "of that until durable", result.parts.durable);
    append_latencies(text, "of that until visible", result.parts.visible);
    append_latencies(text, "of that until acknowledged", result.parts.acknowledged);
    append_latencies(text, "command until first new answer", result.first_new);
    if (result.holds > 0) {
        append(text, "  %llu of them held %llu requests\n", wide(result.holds), wide(result.held));
        append_latencies(text, "longest wait of a held request", result.longest_wait);
    }
    if (result.grpc_switches > 0)
        append(text, "  beside %llu switches of gRPC; %llu messages of it\n",
               wide(result.grpc_switches), wide(result.tally.grpc_messages));
    if (result.canaries > 0)
        append(text,
               "  %llu canaries with %llu further shares; %llu answers to clients known there\n",
               wide(result.canaries), wide(result.shares), wide(result.tally.placed));
    if (result.tally.messages > 0) {
        append(text, "  %llu messages over WebSockets; %llu of them were told to go away\n",
               wide(result.tally.messages), wide(result.tally.told_to_leave));
        if (result.settled.count() > 0)
            append_latencies(text, "switch until all of the old slot were", result.settled);
    }
    for (const ServiceResult& service : result.services)
        append_books(text, service);
    if (result.epochs_checked > 0) {
        append(text, "%llu answers compared with the epochs of the access log\n",
               wide(result.epochs_checked));
    }

    const Violations& violations = result.tally.violations;
    if (violations.total() == 0) {
        text += "\nno violation: nothing lost, nothing stale, nothing spliced, the books agree\n";
        return text;
    }
    append(text, "\n%llu violations:\n", wide(violations.total()));
    for (const Violation& one : violations.kept())
        text += "  " + one.guarantee + "  " + one.test_id + "  " + one.text + "\n";
    for (const auto& [guarantee, count] : violations.counts()) {
        const auto shown = static_cast<std::uint64_t>(
            std::count_if(violations.kept().begin(), violations.kept().end(),
                          [&](const Violation& one) { return one.guarantee == guarantee; }));
        if (count > shown)
            append(text, "  %s  ... and %llu more\n", guarantee.c_str(), wide(count - shown));
    }
    return text;
}

std::string report_json(const Result& result, const Options& options) {
    boost::json::array kinds;
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
        for (std::size_t over = 0; over < kTransports; ++over) {
            const KindTally& row = result.tally.kinds[kind][over];
            if (row.requests == 0) continue;
            kinds.push_back({{"kind", behaviour(static_cast<Kind>(kind)).name},
                             {"tls", over % 2 == 1},
                             {"http2", over >= index_of(Transport::h2c)},
                             {"requests", row.requests},
                             {"ok", row.ok},
                             {"failed", row.failed},
                             {"left", row.left},
                             {"calm", latency_json(row.calm)},
                             {"switching", latency_json(row.switching)},
                             {"around", latency_json(row.around)},
                             {"between", latency_json(row.between)}});
        }
    }
    boost::json::object books;
    for (const ServiceResult& service : result.services)
        books[service.name] = books_json(service);
    boost::json::object counts;
    for (const auto& [guarantee, count] : result.tally.violations.counts())
        counts[guarantee] = count;
    boost::json::array kept;
    for (const Violation& one : result.tally.violations.kept())
        kept.push_back(
            {{"guarantee", one.guarantee}, {"test_id", one.test_id}, {"text", one.text}});
    const boost::json::object all{{"switches", result.switches},
                                  {"asked", options.switches},
                                  {"rate", options.rate},
                                  {"calm_seconds", result.calm_seconds},
                                  {"switching_seconds", result.switching_seconds},
                                  {"command", latency_json(result.command)},
                                  {"durable", latency_json(result.parts.durable)},
                                  {"visible", latency_json(result.parts.visible)},
                                  {"acknowledged", latency_json(result.parts.acknowledged)},
                                  {"first_new", latency_json(result.first_new)},
                                  {"messages", result.tally.messages},
                                  {"told_to_leave", result.tally.told_to_leave},
                                  {"settled", latency_json(result.settled)},
                                  {"holds", result.holds},
                                  {"held", result.held},
                                  {"longest_wait", latency_json(result.longest_wait)},
                                  {"clients", kinds},
                                  {"epochs_checked", result.epochs_checked},
                                  {"grpc_switches", result.grpc_switches},
                                  {"grpc_messages", result.tally.grpc_messages},
                                  {"canaries", result.canaries},
                                  {"shares", result.shares},
                                  {"placed", result.tally.placed},
                                  {"books", books},
                                  {"violations", result.tally.violations.total()},
                                  {"violations_by_guarantee", counts},
                                  {"first_violations", kept}};
    return boost::json::serialize(all) + "\n";
}

}  // namespace switchyard::bench
