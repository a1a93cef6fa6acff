#include "bench/switch/options.hpp"

#include "bench/switch/clients.hpp"

#include <algorithm>
#include <cmath>

#include <CLI/CLI.hpp>

namespace switchyard::bench {
namespace {

std::string without_scheme(std::string url) {
    const auto scheme = url.find("://");
    if (scheme != std::string::npos) url.erase(0, scheme + 3);
    while (!url.empty() && url.back() == '/')
        url.pop_back();
    return url;
}

/// Small enough for a first look: a few seconds.
void make_quick(Options& options, const CLI::App& app) {
    const auto set = [&](const char* name, auto& value, auto quick) {
        if (app.count(name) == 0) value = quick;
    };
    set("--switches", options.switches, 40);
    set("--calm", options.calm, 1);
    const auto sorts = client_sorts();
    for (std::size_t i = 0; i < sorts.size(); ++i)
        set(sorts[i].option, options.clients[i], sorts[i].quick);
}

std::string problem_with(Options& options) {
    if (options.tunnels != "close" && options.tunnels != "keep")
        return "--tunnels is close or keep";
    if (options.spawns()) {
        options.h2c = true;
        if (options.origin.empty()) return "--daemon needs --origin";
        if (!options.url.empty()) return "either --daemon or --url, not both";
        return "";
    }
    if (options.url.empty()) return "either --daemon and --origin, or --url, --socket, --service";
    if (options.socket.empty() || options.service.empty())
        return "--url needs --socket and --service";
    if (options.origin_blue.empty() != options.origin_green.empty())
        return "--origin-blue and --origin-green go together";
    return "";
}

}  // namespace

bool parse_options(int argc, char** argv, Options& options, int& exit_code) {
    CLI::App app(
        "Loads the proxy in every way while switching back and forth, and checks every answer.\n"
        "Ends with 0 when nothing was lost, stale or miscounted, with 1 when something was.");
    app.add_option("--daemon", options.daemon, "start this switchyardd");
    app.add_option("--origin", options.origin, "start this switchyard-origin as blue and green");
    app.add_option("--workers", options.workers, "workers of the daemon that is started")
        ->capture_default_str();
    app.add_option("--url", options.url, "ADDRESS:PORT of a running proxy");
    app.add_option("--tls-url", options.tls_url, "ADDRESS:PORT of its TLS listener");
    app.add_option("--socket", options.socket, "its admin socket");
    app.add_option("--service", options.service, "its service to switch");
    app.add_option("--origin-blue", options.origin_blue, "ADDRESS:PORT of the blue origin");
    app.add_option("--origin-green", options.origin_green, "ADDRESS:PORT of the green origin");
    app.add_option("--host", options.host, "Host field and SNI of the requests");
    app.add_option("--switches", options.switches, "how many")->capture_default_str();
    app.add_option("--rate", options.rate, "switches a second")
        ->capture_default_str()
        ->check(CLI::Range(0.01, 1000.0));
    app.add_option("--duration", options.duration, "seconds of switching, instead of --switches");
    app.add_option("--hold", options.hold_every, "hold requests during every Nth switch; 0: never")
        ->capture_default_str();
    app.add_option("--canary", options.canary_every,
                   "a canary with growing and falling shares before every Nth switch; 0: never")
        ->capture_default_str();
    app.add_option("--calm", options.calm, "seconds of load before the first switch")
        ->capture_default_str();
    app.add_option("--settle", options.settle_every,
                   "let a drain come to its end every N switches; 0: only the last")
        ->capture_default_str();
    app.add_option("--tunnels", options.tunnels,
                   "close or keep: 'drain: tunnels' of the daemon that is started")
        ->capture_default_str();
    app.add_flag("--h2c", options.h2c, "the plain listener speaks HTTP/2 with prior knowledge");
    for (const ClientSort& sort : client_sorts())
        options.clients.push_back(sort.usual);
    for (std::size_t i = 0; i < options.clients.size(); ++i)
        app.add_option(
               client_sorts()[i].option, options.clients[i],
               std::string("clients: ") + client_sorts()[i].help + "; every other one over TLS")
            ->capture_default_str();
    app.add_flag("--quick", options.quick, "a small run of a few seconds");
    app.add_flag("!--no-served-by", options.served_by, "do not check X-Served-By");
    app.add_flag("--windows", options.windows,
                 "show latencies of requests around switches next to those between");
    app.add_option("--json", options.json, "write the result to this file");
    app.add_option("--keep", options.keep, "directory for configuration and logs");
    try {
        app.parse(argc, argv);
        if (options.quick) make_quick(options, app);
        options.url = without_scheme(options.url);
        options.tls_url = without_scheme(options.tls_url);
        options.origin_blue = without_scheme(options.origin_blue);
        options.origin_green = without_scheme(options.origin_green);
        if (options.duration > 0)
            options.switches =
                static_cast<std::uint64_t>(std::lround(options.duration * options.rate));
        const std::string problem = problem_with(options);
        if (!problem.empty()) throw CLI::ValidationError(problem);
        return true;
    } catch (const CLI::ParseError& error) {
        exit_code = app.exit(error) == 0 ? 0 : 2;
        return false;
    }
}

}  // namespace switchyard::bench
