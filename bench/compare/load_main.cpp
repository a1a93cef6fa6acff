// switchyard-bench-load: the load generator of bench/compare. One thread, one request repeated on
// many connections; prints one line of JSON.
#include "bench/compare/load_run.hpp"

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

namespace {

double microseconds(std::int64_t nanoseconds) {
    return static_cast<double>(nanoseconds) / 1e3;
}

void print(const switchyard::bench::LoadResult& result) {
    std::printf(
        "{\"requests\": %llu, \"failed\": %llu, \"seconds\": %.4f, \"cpu_seconds\": %.6f, "
        "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f",
        static_cast<unsigned long long>(result.requests),
        static_cast<unsigned long long>(result.failed), result.seconds, result.cpu_seconds,
        microseconds(result.latency.quantile(0.5)), microseconds(result.latency.quantile(0.99)),
        microseconds(result.latency.quantile(0.999)), microseconds(result.latency.max()));
    const auto& books = result.books;
    if (books.due > 0)
        std::printf(
            ", \"due\": %llu, \"sent\": %llu, \"answered\": %llu, \"queued\": %llu, "
            "\"late_p99_us\": %.1f, \"late_p999_us\": %.1f",
            static_cast<unsigned long long>(books.due), static_cast<unsigned long long>(books.sent),
            static_cast<unsigned long long>(books.answered),
            static_cast<unsigned long long>(books.queued),
            microseconds(result.sent_late.quantile(0.99)),
            microseconds(result.sent_late.quantile(0.999)));
    std::puts("}");
    if (result.failed)
        std::fprintf(stderr, "%llu failed requests, the first: %s\n",
                     static_cast<unsigned long long>(result.failed), result.first_error.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    switchyard::bench::LoadOptions options;
    CLI::App app("Repeats one request on many connections and prints what it cost.");
    app.add_option("--connect", options.address, "ADDRESS:PORT of the proxy")->required();
    app.add_option("--host", options.host, "Host header and SNI");
    app.add_option("--path", options.path, "Request target");
    app.add_option("--expect", options.expect_bytes, "Exact size of every answer's body");
    app.add_option("--post", options.post_bytes, "Send a body of this many bytes");
    app.add_option("--connections", options.connections, "Connections at the same time");
    app.add_option("--h2", options.streams,
                   "Speak HTTP/2 with this many streams on each connection; without TLS by prior "
                   "knowledge");
    app.add_option("--warm-up", options.warm_up, "Seconds before the measurement");
    app.add_option("--seconds", options.seconds, "Seconds to measure");
    app.add_option("--rate", options.rate,
                   "Requests a second, due whatever the answers do (default: as fast as it goes)");
    app.add_option("--patience", options.patience,
                   "At a rate: seconds after the measurement in which the last answers may come");
    app.add_option("--pid", options.pid, "Process whose CPU time is taken");
    app.add_flag("--tls", options.tls, "Speak TLS, without session resumption");
    app.add_flag("--new-connection", options.new_connection, "A new connection for each request");
    app.add_flag("--idle", options.idle,
                 "One request on each connection, then keep them until standard input ends");
    CLI11_PARSE(app, argc, argv);
    if (options.streams > 0 && (options.idle || options.new_connection)) {
        std::fputs("--h2 goes with neither --idle nor --new-connection\n", stderr);
        return 2;
    }
    try {
        if (options.idle) {
            std::printf("%u\n", switchyard::bench::run_idle(options));
            return 0;
        }
        const auto result = options.rate > 0 ? switchyard::bench::run_open(options)
                                             : switchyard::bench::run_load(options);
        print(result);
        const auto& books = result.books;
        if (books.unanswered > 0)
            std::fprintf(stderr, "of %llu requests that were due, %llu have no answer\n",
                         static_cast<unsigned long long>(books.due),
                         static_cast<unsigned long long>(books.unanswered));
        if (result.requests == 0) std::fputs("not one request was answered in time\n", stderr);
        return result.failed == 0 && result.requests > 0 && books.unanswered == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchyard-bench-load: %s\n", error.what());
        return 1;
    }
}
