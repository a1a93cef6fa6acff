// What a line of the access log costs the worker: formatting alone, and into the ring with the
// log's thread running.
#include "observe/access_format.hpp"
#include "observe/access_log.hpp"

#include <array>
#include <chrono>
#include <string>

#include <benchmark/benchmark.h>

namespace switchyard::observe {
namespace {

AccessRecord sample() {
    AccessRecord record;
    record.start = std::chrono::system_clock::now();
    record.client = "203.0.113.7";
    record.method = "GET";
    record.target = "/scores/2026/03/01?page=2&sort=points";
    record.host = "scores.example";
    record.protocol = "HTTP/1.1";
    record.tls = "TLSv1.3";
    record.service = "scoreboard";
    record.slot = "blue";
    record.upstream = "10.10.0.2:8000";
    record.request_id = "5f0c1b7a9d3e4f60a1b2c3d4e5f60718";
    record.referer = "https://scores.example/scores/2026";
    record.user_agent =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/126.0.0.0 Safari/537.36";
    record.epoch = 7;
    record.status = 200;
    record.bytes_sent = 15'340;
    record.connect_us = 210;
    record.first_byte_us = 1900;
    record.total_us = 2100;
    return record;
}

void format_line(benchmark::State& state, AccessFormat format, const AccessRecord& record) {
    std::array<char, 8192> memory;
    AccessFormatter formatter(format);
    std::size_t size = 0;
    for (auto _ : state) {
        size = formatter.format(record, memory);
        benchmark::DoNotOptimize(memory);
    }
    state.counters["line_bytes"] = static_cast<double>(size);
}

void access_line_json(benchmark::State& state) {
    format_line(state, AccessFormat::json, sample());
}
BENCHMARK(access_line_json);

void access_line_combined(benchmark::State& state) {
    format_line(state, AccessFormat::combined, sample());
}
BENCHMARK(access_line_combined);

/// A client that puts something to escape into every field.
void access_line_json_hostile(benchmark::State& state) {
    AccessRecord record = sample();
    const std::string nasty = "\"\\\n\x1b\xff gr\xc3\xbc\xc3\x9f " + std::string(40, '"');
    record.user_agent = nasty;
    record.referer = nasty;
    record.target = nasty;
    format_line(state, AccessFormat::json, record);
}
BENCHMARK(access_line_json_hostile);

/// The worker's whole part, at a pace that the log's thread keeps up with or drops.
void access_log_write(benchmark::State& state) {
    auto log = AccessLog::open("/dev/null", AccessFormat::json, 1, 1 << 20);
    if (!log) {
        state.SkipWithError("cannot open /dev/null");
        return;
    }
    AccessSink& sink = (*log)->sink(0);
    const AccessRecord record = sample();
    for (auto _ : state)
        sink.write(record);
    state.counters["dropped"] = static_cast<double>((*log)->dropped());
}
BENCHMARK(access_log_write);

}  // namespace
}  // namespace switchyard::observe
