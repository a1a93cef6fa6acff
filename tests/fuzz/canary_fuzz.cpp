// Cookies of canaries: none is good that was not signed, what is made is good, and of a request's
// cookies the others go on as they came. The input is a cookie's value, a Cookie field and a
// Cache-Control value, a line each.
// depends: switchyard_route switchyard_relay
#include "observe/canary_counts.hpp"
#include "relay/canary.hpp"
#include "route/canary_cookie.hpp"
#include "route/canary_decision.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace switchyard;

constexpr std::int64_t kNow = 1'772'341'000;
constexpr std::int64_t kLongest = 604'800;
const std::string kSecret = "0123456789abcdef0123456789abcdef";

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

void check_cookie(std::string_view text) {
    static const std::vector<route::PassKey> keys = {route::make_pass_key(kSecret)};
    const auto cookie = route::check_canary_cookie(text, keys, "shop", 7, kNow, kLongest);
    if (cookie) {
        require(cookie->point < observe::kCanaryPoints, "it is a point");
        std::string again;
        require(route::append_canary_cookie(again, keys[0], "shop", 7, *cookie) && again == text,
                "what is good is what would be made");
        require(!route::check_canary_cookie(text, keys, "shop", 8, kNow, kLongest),
                "it is of one run");
        require(!route::check_canary_cookie(text, keys, "shop2", 7, kNow, kLongest),
                "it is of one service");
    }
    const route::CanaryCookie wish{static_cast<std::uint32_t>(text.size()) % observe::kCanaryPoints,
                                   kNow + 60};
    std::string made;
    require(route::append_canary_cookie(made, keys[0], "shop", 7, wish), "one can be made");
    const auto read = route::check_canary_cookie(made, keys, "shop", 7, kNow, kLongest);
    require(read && read->point == wish.point, "what is made is good");
}

/// A service "shop" with a canary that half of the clients go to.
std::shared_ptr<const route::ServiceState> make_state() {
    auto service = std::make_shared<config::Service>();
    service->name = "shop";
    service->canary.emplace();
    auto state = std::make_shared<route::ServiceState>();
    std::uint32_t id = 0;
    for (const Colour colour : kColours) {
        route::SlotState& slot = state->slots[index_of(colour)].emplace();
        slot.colour = colour;
        slot.targets.push_back(
            std::make_shared<route::Target>(++id, "shop", colour, config::Target{}, 1));
    }
    const route::CanaryRun run{5'000, 7, kSecret, nullptr};
    state->canary.emplace(*service->canary, &run, nullptr);
    state->config = std::move(service);
    return state;
}

void check_request(std::string_view cookies) {
    static const auto state = make_state();
    static const std::shared_ptr<const route::Gate> gate;
    http::RequestHead head;
    // Memory of exactly this size: a read past it is seen.
    const std::vector<char> exact(cookies.begin(), cookies.end());
    head.fields.push_back(
        {http::FieldId::cookie, "Cookie", std::string_view(exact.data(), exact.size())});
    const route::Decision live{state.get(), &state->live_slot(), route::Way::live, &gate};
    route::CanaryVisit visit;
    const route::CanaryClient client{{}, 42, 1, kNow, {}};
    const auto decision = route::decide_canary(live, head, client, visit);
    require(visit.known && visit.point < observe::kCanaryPoints, "every client has a point");
    require((decision.way == route::Way::canary) == (visit.point < 5'000), "which decides");
    require(!visit.drawn || visit.wants_cookie, "who is drawn gets a cookie");
    const route::CanaryVisit before = visit;
    const auto again = route::decide_canary(live, head, client, visit);
    require(again.slot == decision.slot && visit.point == before.point, "for good");
}

void check_caching(std::string_view value) {
    std::string out;
    relay::make_private(value, out);
    require(out.starts_with("private"), "it is private");
    std::string twice;
    relay::make_private(out, twice);
    require(twice == out, "and stays as it is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    check_cookie(take_line(text));
    check_request(take_line(text));
    check_caching(text);
    return 0;
}
