#include "bench/switch/run.hpp"

#include "bench/common/clock.hpp"
#include "bench/common/stream.hpp"
#include "bench/switch/admin.hpp"
#include "bench/switch/clients.hpp"
#include "bench/switch/commander.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <poll.h>
#include <stdexcept>
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

struct Target {
    Address socket;
    std::array<std::optional<Address>, 2> origins;
    std::string service;
};

Target target_of(const Options& options) {
    Target target;
    target.socket = parse_address("unix:" + options.socket);
    target.service = options.service;
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
            books.origins[i] = read_origin_books(get_json(*target.origins[i], "/count", 5000));
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

void prepare(World& world, const Options& options, const boost::json::object& service) {
    world.plain = parse_address(options.url);
    if (!options.tls_url.empty()) world.encrypted = parse_address(options.tls_url);
    world.h2c = options.h2c;
    world.host = options.host.empty() ? default_host(service) : options.host;
    if (!options.served_by) return;
    for (const Colour colour : kColours)
        world.slot_names[index_of(colour)] =
            std::string(service.at("slots").at(to_string(colour)).at("name").as_string());
}

using Clients = std::vector<std::unique_ptr<Client>>;

void add_clients(Clients& clients, World& world, const Options& options) {
    unsigned number = 0;
    const auto sorts = client_sorts();
    for (std::size_t i = 0; i < sorts.size(); ++i) {
        const bool plain = !sorts[i].over_http2 || world.h2c;
        for (unsigned k = 0; k < options.clients[i]; ++k) {
            const bool tls = world.tls && (k % 2 == 1 || !plain);
            if (tls || plain) clients.push_back(sorts[i].make(world, tls, ++number));
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
void compare_epochs(Stage& stage, const Epochs& epochs, std::uint64_t first_epoch,
                    const Result& result, Violations& violations) {
    std::uint64_t expected = epochs.answers();
    if (result.before.proxy && result.after.proxy) {
        expected = (result.after.proxy->all - result.before.proxy->all).ended();
    }
    const std::int64_t deadline = now_ns() + 10 * kSecond;
    while (stage.log().count() < expected && now_ns() < deadline)
        poll(nullptr, 0, 20);
    epochs.compare(stage.log().finish(), first_epoch, violations);
}

struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

}  // namespace

Result run(const Options& options, Stage* stage) {
    const Target target = target_of(options);
    const auto status = get_json(target.socket, "/v1/status", 5000);
    const auto& service = service_of(status, options.service);
    const auto live = parse_colour(std::string_view(service.at("live").as_string()));
    if (!live) throw std::runtime_error("the status does not say which slot is live");

    World world(*live);
    prepare(world, options, service);
    std::unique_ptr<SSL_CTX, FreeContext> tls;
    std::unique_ptr<SSL_CTX, FreeContext> h2_tls;
    if (!options.tls_url.empty()) {
        tls.reset(make_client_tls());
        h2_tls.reset(make_client_tls("h2"));
    }
    world.tls = tls.get();
    world.h2_tls = h2_tls.get();

    Result result;
    Epochs epochs;
    const auto first_epoch = service.at("epoch").to_number<std::uint64_t>();
    if (stage) world.epochs = &epochs;
    result.before = read_books(target);
    Loop loop(world);
    Clients clients;
    add_clients(clients, world, options);
    Commander commander(world, {target.socket, options.service, first_epoch, options.switches,
                                options.rate, options.hold_every, options.settle_every});

    const std::int64_t begin = now_ns();
    for (const auto& client : clients)
        client->start();
    const std::int64_t calm_end = begin + static_cast<std::int64_t>(options.calm * 1e9);
    loop.run_until([&](std::int64_t now) { return now >= calm_end; });
    const std::int64_t switching_begin = now_ns();
    world.tally.switching = true;
    commander.start();
    loop.run_until([&](std::int64_t) { return commander.done(); });
    const std::int64_t switching_end = now_ns();
    finish(loop, world, clients);

    if (stage) stage->require_alive();
    result.after = read_settled_books(target);
    compare_books(world.tally.books, result.before, result.after, world.tally.violations);
    if (stage) {
        compare_epochs(*stage, epochs, first_epoch, result, world.tally.violations);
        result.epochs_checked = epochs.answers();
    }
    result.tally = std::move(world.tally);
    result.switches = commander.committed();
    result.command = commander.latency();
    result.durable = commander.durable();
    result.settled = commander.settled();
    result.holds = commander.holds();
    result.held = commander.held();
    result.longest_wait = commander.longest_wait();
    result.first_new = world.timeline.first_new();
    result.calm_seconds = static_cast<double>(switching_begin - begin) / 1e9;
    result.switching_seconds = static_cast<double>(switching_end - switching_begin) / 1e9;
    return result;
}

}  // namespace switchyard::bench
