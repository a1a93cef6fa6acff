// switchyardd: arguments, configuration, run the server.
#include "base/log.hpp"
#include "config/load.hpp"
#include "server/server.hpp"

#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

namespace {

void before_all_constructors(int, char**, char**) {
    switchyard::server::prepare_tls_memory();
}

/// Those of shared libraries included (System V ABI, DT_PREINIT_ARRAY).
[[gnu::section(".preinit_array"),
  gnu::used]] void (*const first_of_all)(int, char**, char**) = before_all_constructors;

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Switchyard: the front door for blue-green deployments.\n"
        "Runs the proxy with a configuration file; control it with `switchyard`."};
    std::string file = "/etc/switchyard/switchyard.yaml";
    bool check = false;
    bool offline = false;
    app.add_option("-c,--config", file, "The configuration file")->capture_default_str();
    CLI::Option* checking =
        app.add_flag("--check", check, "Check the configuration file and exit: 0 valid, 1 not");
    app.add_flag("--offline", offline, "With --check: ask nothing over the network")
        ->needs(checking);
    app.set_version_flag("-V,--version", std::string("switchyardd ") + SWITCHYARD_VERSION);
    app.footer(
        "Signals: SIGTERM finishes what is in flight, then ends (a second one: at once);\n"
        "SIGHUP reloads the configuration; SIGUSR1 reopens the access log.\n"
        "Example:  switchyardd --check --config config/minimal.yaml");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    try {
        switchyard::config::LoadResult loaded = switchyard::config::load_file(file);
        if (!loaded.ok()) {
            for (const auto& problem : loaded.problems) {
                std::fprintf(stderr, "%s\n", problem.text().c_str());
            }
            std::fprintf(stderr, "switchyardd: %zu problem%s in %s\n", loaded.problems.size(),
                         loaded.problems.size() == 1 ? "" : "s", file.c_str());
            return 1;
        }
        if (check) return switchyard::server::check(loaded.config, offline);
        if (auto log = switchyard::set_up_log(loaded.config.log.level); !log) {
            std::fprintf(stderr, "switchyardd: %s\n", log.error().message.c_str());
            return 1;
        }
        return switchyard::server::run(std::move(loaded.config));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchyardd: %s\n", error.what());
        return 1;
    }
}
