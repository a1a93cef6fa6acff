// What the worker does with every request besides system calls: parsing and judging its head,
// finding service and slot, the lease, the choice of a target, and the fields that go on.
#include "h1/parser.hpp"
#include "http/exchange.hpp"
#include "http/forward.hpp"
#include "http/validate.hpp"
#include "route/decision.hpp"
#include "route/ledger.hpp"
#include "upstream/balancer.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace switchyard {
namespace {

/// What a load generator sends.
const std::string kSmall =
    "GET /1024 HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: switchyard-bench\r\n"
    "Accept: */*\r\n\r\n";

/// What a browser sends.
const std::string kBrowser =
    "GET /scores/2026/03/01?page=2&sort=points HTTP/1.1\r\nHost: scores.example\r\n"
    "Connection: keep-alive\r\n"
    "sec-ch-ua: \"Not/A)Brand\";v=\"8\", \"Chromium\";v=\"126\"\r\nsec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;"
    "q=0.8\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\nReferer: https://scores.example/scores/2026\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: session=5f0c1b7a9d3e4f60a1b2c3d4e5f60718; theme=dark; consent=1\r\n\r\n";

const std::string kAnswer =
    "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: Sun, 01 Mar 2026 03:12:09 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\nContent-Length: 15340\r\n"
    "Cache-Control: private, max-age=0\r\nVary: Cookie\r\nETag: \"3c5f-5f0c1b7a\"\r\n"
    "Set-Cookie: session=5f0c1b7a9d3e4f60a1b2c3d4e5f60718; HttpOnly; Path=/\r\n\r\n";

void parse_request(benchmark::State& state, const std::string& text) {
    h1::RequestParser parser;
    http::RequestHead head;
    for (auto _ : state) {
        parser.start(head, {});
        const h1::ParseResult result = parser.parse(text.data(), text.size());
        if (result.status != h1::ParseStatus::done) state.SkipWithError("not a request");
        http::Verdict verdict = http::validate_request(head);
        benchmark::DoNotOptimize(verdict);
    }
}
BENCHMARK_CAPTURE(parse_request, small, kSmall);
BENCHMARK_CAPTURE(parse_request, browser, kBrowser);

void parse_response(benchmark::State& state) {
    h1::ResponseParser parser;
    http::ResponseHead head;
    for (auto _ : state) {
        parser.start(head, {});
        const h1::ParseResult result = parser.parse(kAnswer.data(), kAnswer.size());
        if (result.status != h1::ParseStatus::done) state.SkipWithError("not a response");
        benchmark::DoNotOptimize(head.fields.data());
    }
}
BENCHMARK(parse_response);

/// A head that was parsed and judged.
http::RequestHead parsed(const std::string& text) {
    h1::RequestParser parser;
    http::RequestHead head;
    parser.start(head, {});
    (void)parser.parse(text.data(), text.size());
    (void)http::validate_request(head);
    return head;
}

void forward_fields(benchmark::State& state) {
    const http::RequestHead head = parsed(kBrowser);
    http::Peer peer;
    peer.address = "203.0.113.7";
    peer.tls_version = "TLSv1.3";
    http::ForwardRequest context;
    context.peer = &peer;
    context.request_id = "5f0c1b7a9d3e4f60a1b2c3d4e5f60718";
    context.host = head.host;
    context.via = "switchyard";
    http::ForwardScratch scratch;
    http::Fields out;
    for (auto _ : state) {
        out.clear();
        http::forward_request(head, context, scratch, out);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(forward_fields);

/// So many services with a host each, which all have two slots.
route::Snapshot services(std::size_t count) {
    std::vector<config::Service> made(count);
    for (std::size_t i = 0; i < count; ++i) {
        made[i].name = "service" + std::to_string(i);
        made[i].hosts = {"host" + std::to_string(i) + ".example"};
        for (auto& slot : made[i].slots)
            slot.emplace();
    }
    route::Snapshot snapshot;
    snapshot.hosts = std::make_shared<const route::HostTable>(made);
    for (config::Service& service : made) {
        auto state = std::make_shared<route::ServiceState>();
        for (const Colour colour : kColours)
            state->slots[index_of(colour)].emplace().colour = colour;
        state->config = std::make_shared<const config::Service>(std::move(service));
        snapshot.services.push_back(std::move(state));
    }
    snapshot.gates.resize(count);
    return snapshot;
}

/// Each request is for another service.
void decide(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    const route::Snapshot snapshot = services(count);
    const http::RequestHead head = parsed(kBrowser);
    std::vector<std::string> hosts;
    for (std::size_t i = 0; i < count; ++i)
        hosts.push_back("host" + std::to_string(i * 7919 % count) + ".example");
    std::size_t at = 0;
    for (auto _ : state) {
        route::PreviewVisit visit;
        const route::Decision decision = route::decide(snapshot, hosts[at], head, visit);
        if (decision.slot == nullptr) state.SkipWithError("no slot");
        benchmark::DoNotOptimize(decision.slot);
        if (++at == count) at = 0;
    }
}
BENCHMARK(decide)->Arg(1)->Arg(100)->Arg(1'000)->Arg(10'000);

void lease(benchmark::State& state) {
    route::Ledger ledger("scoreboard", Colour::blue, 7, 2);
    std::uint64_t now = 0;
    for (auto _ : state) {
        route::Ledger::Cell& cell = ledger.cell(1);
        cell.enter(++now);
        cell.leave(observe::Outcome::completed);
        benchmark::DoNotOptimize(cell);
    }
}
BENCHMARK(lease);

void pick_target(benchmark::State& state) {
    route::SlotState slot;
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(state.range(0)); ++i) {
        slot.targets.push_back(std::make_shared<route::Target>(i + 1, "scoreboard", Colour::blue,
                                                               config::Target{}, std::size_t{2}));
        slot.targets.back()->set_health(route::Health::healthy);
    }
    upstream::Random random(1);
    for (auto _ : state) {
        const auto& target = upstream::pick_target(slot, 0, 1, {}, random);
        benchmark::DoNotOptimize(target.get());
    }
}
BENCHMARK(pick_target)->Arg(1)->Arg(2)->Arg(10)->Arg(100);

}  // namespace
}  // namespace switchyard
