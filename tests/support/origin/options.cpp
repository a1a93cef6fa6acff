#include "support/origin/options.hpp"

#include <charconv>
#include <cstdio>
#include <string_view>

namespace switchyard::origin {
namespace {

constexpr const char* kHelp =
    "switchyard-origin: a sample application for tests, benchmarks and the quickstart\n"
    "\n"
    "  --listen ADDR:PORT | unix:PATH   where to listen (127.0.0.1:0; port 0: any free one)\n"
    "  --grpc ADDR:PORT                 where to listen for gRPC (HTTP/2 without TLS)\n"
    "  --colour blue|green              the slot it stands for (blue)\n"
    "  --name NAME                      shown on / (origin)\n"
    "  --threads N                      event loops (1)\n"
    "  --quiet                          print nothing but the address\n"
    "\n"
    "Prints \"listening on ADDRESS\" when it is ready. SIGUSR1 takes it out and in again,\n"
    "SIGTERM ends it. The paths it answers are listed in tests/support/origin/README.md.\n";

unsigned parse_threads(std::string_view text) {
    unsigned threads = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
    if (error != std::errc{} || stop != text.data() + text.size() || threads < 1 || threads > 256) {
        throw UsageError("--threads wants a number from 1 to 256");
    }
    return threads;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--help" || option == "-h") {
            std::fputs(kHelp, stdout);
            return std::nullopt;
        }
        if (option == "--quiet") {
            options.quiet = true;
            continue;
        }
        const bool known = option == "--listen" || option == "--grpc" || option == "--colour" ||
                           option == "--name" || option == "--threads";
        if (!known) throw UsageError("unknown option " + std::string(option));
        if (i + 1 == argc) throw UsageError(std::string(option) + " wants a value");
        const std::string_view value = argv[++i];
        if (option == "--listen") options.listen = value;
        if (option == "--grpc") options.grpc = value;
        if (option == "--name") options.name = value;
        if (option == "--threads") options.threads = parse_threads(value);
        if (option == "--colour") {
            const auto colour = parse_colour(value);
            if (!colour) throw UsageError("--colour wants blue or green");
            options.colour = *colour;
        }
    }
    return options;
}

}  // namespace switchyard::origin
