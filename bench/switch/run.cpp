#include "bench/switch/run.hpp"

#include "bench/common/clock.hpp"
#include "bench/common/stream.hpp"
#include "bench/switch/admin.hpp"
#include "bench/switch/clients.hpp"
#include "bench/switch/commander.hpp"
#include "support/grpc_messages.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <stdexcept>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <openssl/ssl.h>

namespace switchyard::bench {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kLongestRequest = 40 * kSecond;

/// The loop that clients and commander live in.
class Loop {
  public:
    explicit Loop(World& world) : world_(world) {
        world_.epoll = epoll_create1(EPOLL_CLOEXEC);
        if (world_.epoll < 0) throw std::runtime_error("epoll_create1 failed");
    }
    ~Loop() { close(world_.epoll); }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void run_until(const std::function<bool(std::int64_t)>& over) {
        for (std::int64_t now = now_ns(); !over(now); now = now_ns()) {
            while (!world_.alarms.empty() && world_.alarms.top().first <= now) {
                Waiter* waiter = world_.alarms.top().second;
                world_.alarms.pop();
                waiter->on_time();
            }
            std::int64_t wait_ms = 20;
            if (!world_.alarms.empty())
                wait_ms = std::clamp<std::int64_t>(
                    (world_.alarms.top().first - now_ns() + 999'999) / kMillisecond, 0, wait_ms);
            const int count =
                epoll_wait(world_.epoll, events_.data(), static_cast<int>(events_.size()),
                           static_cast<int>(wait_ms));
            for (int i = 0; i < count; ++i) {
                const epoll_event& event = events_[static_cast<std::size_t>(i)];
                static_cast<Waiter*>(event.data.ptr)->on_ready(event.events);
            }
        }
    }

  private:
    World& world_;
    std::array<epoll_event, 128> events_{};
};

constexpr std::array<std::string_view, 4> kPaths = {"/bytes", "/upload", "/sleep", "/ws"};
constexpr std::array<std::string_view, 2> kGrpcPaths = {test::kGrpcEcho, test::kGrpcWatch};

/// Where a service's books are.
struct Target {
    Address socket;
    std::array<std::optional<Address>, 2> origins;
    std::string service;
    std::span<const std::string_view> paths;  // of the origins, that the clients ask for
};

Target target_of(const Options& options, const std::string& service,
                 std::span<const std::string_view> paths) {
    Target target;
    target.socket = parse_address("unix:" + options.socket);
    target.service = service;
    target.paths = paths;
    if (!options.origin_blue.empty()) {
        target.origins[0] = parse_address(options.origin_blue);
        target.origins[1] = parse_address(options.origin_green);
    }
    return target;
}

AllBooks read_books(const Target& target) {
    AllBooks books;
    const auto status = get_json(target.socket, "/v1/status", 5000);
    books.proxy = read_proxy_books(service_of(status, target.service));
    for (std::size_t i = 0; i < books.origins.size(); ++i)
        if (target.origins[i])
            books.origins[i] =
                read_origin_books(get_json(*target.origins[i], "/count", 5000), target.paths);
    return books;
}

/// The last requests are entered in the books a moment after the clients have their answers.
AllBooks read_settled_books(const Target& target) {
    const std::int64_t deadline = now_ns() + 5 * kSecond;
    for (;;) {
        AllBooks books = read_books(target);
        bool settled = !books.proxy || books.proxy->all.accepted == books.proxy->all.ended();
        for (const auto& origin : books.origins)
            settled = settled && (!origin || origin->in_flight == 0);
        if (settled || now_ns() > deadline) return books;
        poll(nullptr, 0, 50);
    }
}

std::string default_host(const boost::json::object& service) {
    for (const auto& host : service.at("hosts").as_array())
        if (!host.as_string().starts_with("*")) return std::string(host.as_string());
    return "bench.example";
}

Colour live_slot(const boost::json::object& service) {
    const auto live = parse_colour(std::string_view(service.at("live").as_string()));
    if (!live) throw std::runtime_error("the status does not say which slot is live");
    return *live;
}

/// Everything that is known of a service before the run.
void prepare(Service& service, const Options& options, const boost::json::object& status,
             const std::string& host, bool has_log) {
    service.name = status.at("name").as_string();
    service.host = host.empty() ? default_host(status) : host;
    if (has_log) service.epochs.emplace();
    if (!options.served_by) return;
    for (const Colour colour : kColours)
        service.slot_names[index_of(colour)] =
            std::string(status.at("slots").at(to_string(colour)).at("name").as_string());
}

using Clients = std::vector<std::unique_ptr<Client>>;

void add_clients(Clients& clients, World& world, const Options& options) {
    unsigned number = 0;
    const auto sorts = client_sorts();
    for (std::size_t i = 0; i < sorts.size(); ++i) {
        const bool plain = !sorts[i].over_http2 || world.h2c;
        for (unsigned k = 0; k < options.clients[i]; ++k) {
            const bool tls = world.tls && (k % 2 == 1 || !plain);
            if (!tls && !plain) continue;
            if (auto client = sorts[i].make(world, tls, ++number))
                clients.push_back(std::move(client));
        }
    }
}

/// Lets what is under way come to its end; what does not is a violation.
void finish(Loop& loop, World& world, Clients& clients) {
    world.stopping = true;
    const auto all_done = [&] {
        return std::all_of(clients.begin(), clients.end(),
                           [](const auto& client) { return client->done(); });
    };
    const std::int64_t deadline = now_ns() + kLongestRequest;
    loop.run_until([&](std::int64_t now) { return now > deadline || all_done(); });
    for (const auto& client : clients)
        if (!client->done())
            world.tally.violations.add("C5", "-", "never ended: " + client->waits_for());
}

/// The log comes a moment after the answers.
std::vector<LoggedRequest> read_log(Stage& stage, const std::vector<ServiceResult>& services) {
    std::uint64_t expected = 0;
    for (const ServiceResult& service : services)
        if (service.before.proxy && service.after.proxy)
            expected += (service.after.proxy->all - service.before.proxy->all).ended();
    const std::int64_t deadline = now_ns() + 10 * kSecond;
    while (stage.log().count() < expected && now_ns() < deadline)
        poll(nullptr, 0, 20);
    return stage.log().finish();
}

struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

/// A service in the run: its clients' side, where its books are, and who switches it.
struct Part {
    Service& service;
    Target target;
    std::uint64_t first_epoch;
    ServiceResult result;
    std::unique_ptr<Commander> commander;
};

Part make_part(World& world, Service& service, const Options& options,
               const boost::json::object& status, Target target) {
    const auto epoch = status.at("epoch").to_number<std::uint64_t>();
    const Script script{options.switches, options.hold_every, options.canary_every,
                        options.settle_every};
    ServiceResult result;
    result.name = service.name;
    result.before = read_books(target);
    auto commander = std::make_unique<Commander>(
        world, service, Commander::Plan{target.socket, epoch, options.rate, script});
    return {service, std::move(target), epoch, std::move(result), std::move(commander)};
}

void take_figures(Result& result, const std::vector<Part>& parts) {
    const Commander& commander = *parts.front().commander;
    result.switches = commander.committed();
    result.command = commander.latency();
    result.parts = commander.parts();
    result.settled = commander.settled();
    result.holds = commander.holds();
    result.held = commander.held();
    result.longest_wait = commander.longest_wait();
    result.first_new = parts.front().service.timeline.first_new();
    if (parts.size() > 1) result.grpc_switches = parts.back().commander->committed();
    for (const Part& part : parts) {
        result.canaries += part.commander->canaries();
        result.shares += part.commander->shares();
    }
}

}  // namespace

Result run(const Options& options, Stage* stage) {
    const Target target = target_of(options, options.service, kPaths);
    const auto status = get_json(target.socket, "/v1/status", 5000);
    const auto& service = service_of(status, options.service);

    World world(live_slot(service));
    world.plain = parse_address(options.url);
    if (!options.tls_url.empty()) world.encrypted = parse_address(options.tls_url);
    world.h2c = options.h2c;
    prepare(world.app, options, service, options.host, stage != nullptr);
    std::unique_ptr<SSL_CTX, FreeContext> tls;
    std::unique_ptr<SSL_CTX, FreeContext> h2_tls;
    if (!options.tls_url.empty()) {
        tls.reset(make_client_tls());
        h2_tls.reset(make_client_tls("h2"));
    }
    world.tls = tls.get();
    world.h2_tls = h2_tls.get();

    Result result;
    Loop loop(world);
    std::vector<Part> parts;
    parts.push_back(make_part(world, world.app, options, service, target));
    if (!options.grpc_service.empty()) {
        const auto& grpc = service_of(status, options.grpc_service);
        prepare(world.grpc.emplace(live_slot(grpc)), options, grpc, "", stage != nullptr);
        parts.push_back(make_part(world, *world.grpc, options, grpc,
                                  target_of(options, options.grpc_service, kGrpcPaths)));
    }
    Clients clients;
    add_clients(clients, world, options);

    const std::int64_t begin = now_ns();
    for (const auto& client : clients)
        client->start();
    const std::int64_t calm_end = begin + static_cast<std::int64_t>(options.calm * 1e9);
    loop.run_until([&](std::int64_t now) { return now >= calm_end; });
    const std::int64_t switching_begin = now_ns();
    world.tally.switching = true;
    for (const Part& part : parts)
        part.commander->start();
    loop.run_until([&](std::int64_t) {
        return std::all_of(parts.begin(), parts.end(),
                           [](const Part& part) { return part.commander->done(); });
    });
    const std::int64_t switching_end = now_ns();
    finish(loop, world, clients);

    if (stage) stage->require_alive();
    Violations& violations = world.tally.violations;
    for (Part& part : parts) {
        part.result.after = read_settled_books(part.target);
        part.result.clients = part.service.books;
        compare_books(part.result.name, part.result.clients, part.result.before, part.result.after,
                      violations);
        result.services.push_back(part.result);
    }
    if (stage) {
        const auto log = read_log(*stage, result.services);
        for (const Part& part : parts) {
            part.service.epochs->compare(log, part.first_epoch, violations);
            result.epochs_checked += part.service.epochs->answers();
        }
    }
    result.tally = std::move(world.tally);
    take_figures(result, parts);
    result.calm_seconds = static_cast<double>(switching_begin - begin) / 1e9;
    result.switching_seconds = static_cast<double>(switching_end - switching_begin) / 1e9;
    return result;
}

}  // namespace switchyard::bench
