// switchyard-origin: the application that tests, benchmarks and the quickstart put behind the
// proxy. README.md of this folder says what it can do.
#include "support/origin/grpc_server.hpp"
#include "support/origin/listener.hpp"
#include "support/origin/loop.hpp"
#include "support/origin/options.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace {

using namespace switchyard::origin;

/// Blocks until SIGTERM or SIGINT; SIGUSR1 changes the health.
void wait_for_the_end(const sigset_t& signals, World& world, bool quiet) {
    for (;;) {
        int number = 0;
        if (sigwait(&signals, &number) != 0) continue;
        if (number != SIGUSR1) return;
        world.health.toggle();
        if (!quiet) {
            std::printf("health is now %u\n", world.health.get().status);
            std::fflush(stdout);
        }
    }
}

int run(const Options& options) {
    World world;
    world.colour = options.colour;
    world.name = options.name;

    // Blocked before any thread starts, so that only sigwait sees them.
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGUSR1})
        sigaddset(&signals, number);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    const OriginListener listener(options.listen);
    std::vector<std::unique_ptr<Loop>> loops;
    for (unsigned i = 0; i < options.threads; ++i) {
        auto& books = world.books.emplace_back(std::make_unique<Books>());
        loops.push_back(std::make_unique<Loop>(world, *books, listener.fd()));
    }
    std::optional<OriginListener> grpc_listener;
    std::optional<GrpcServer> grpc;
    if (!options.grpc.empty()) {
        auto& books = world.books.emplace_back(std::make_unique<Books>());
        grpc.emplace(world, *books, grpc_listener.emplace(options.grpc).fd());
    }
    {
        std::vector<std::jthread> threads;
        for (auto& loop : loops)
            threads.emplace_back([&loop] { loop->run(); });
        if (grpc) threads.emplace_back([&grpc] { grpc->run(); });
        std::printf("listening on %s\n", listener.address().c_str());
        if (grpc) std::printf("gRPC on %s\n", grpc_listener->address().c_str());
        std::fflush(stdout);
        wait_for_the_end(signals, world, options.quiet);
        for (auto& loop : loops)
            loop->stop();
        if (grpc) grpc->stop();
    }
    if (!options.quiet) std::fputs(world.books_json().c_str(), stdout);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto options = parse_options(argc, argv);
        return options ? run(*options) : 0;
    } catch (const UsageError& error) {
        std::fprintf(stderr, "switchyard-origin: %s (see --help)\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "switchyard-origin: %s\n", error.what());
        return 1;
    }
}
