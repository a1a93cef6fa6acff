// switchyard-bench-switch: the proof that a switch costs no request. Loads the proxy in every way
// that is known to break, switches back and forth, checks every answer and balances the books.
#include "bench/switch/report.hpp"
#include "bench/switch/run.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>

int main(int argc, char** argv) {
    namespace bench = switchyard::bench;
    bench::Options options;
    int exit_code = 0;
    if (!bench::parse_options(argc, argv, options, exit_code)) return exit_code;
    std::signal(SIGPIPE, SIG_IGN);
    try {
        std::unique_ptr<bench::Stage> stage;
        if (options.spawns()) stage = std::make_unique<bench::Stage>(options);
        const bench::Result result = bench::run(options, stage.get());
        std::fputs(bench::report_text(result, options).c_str(), stdout);
        if (!options.json.empty()) {
            std::ofstream file(options.json);
            file << bench::report_json(result, options);
            if (!file.flush()) {
                std::fprintf(stderr, "cannot write %s\n", options.json.c_str());
                return 2;
            }
        }
        return result.tally.violations.total() == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchyard-bench-switch: %s\n", error.what());
        return 2;
    }
}
