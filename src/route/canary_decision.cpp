#include "route/canary_decision.hpp"

#include "route/canary_cookie.hpp"
#include "route/preview_signs.hpp"
#include "route/unix_time.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>

namespace switchyard::route {

namespace {

using observe::CanaryReason;

/// FNV-1a, which is simple and the same everywhere; mix() makes its upper bits good.
std::uint64_t hashed(std::uint64_t hash, std::string_view text) noexcept {
    for (const char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x100000001b3;
    }
    return hash;
}

/// The finaliser of SplitMix64.
std::uint64_t mix(std::uint64_t bits) noexcept {
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
}

std::uint32_t point_of(std::uint64_t bits) noexcept {
    return static_cast<std::uint32_t>((bits >> 32) * observe::kCanaryPoints >> 32);
}

/// What of an address tells a client: all of IPv4, the network of IPv6 (hosts take new addresses
/// in it every day, RFC 8981). Empty: no address.
std::string_view client_part(std::string_view address, std::array<char, 16>& bytes) noexcept {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.empty() || address.size() >= text.size()) return {};
    std::copy(address.begin(), address.end(), text.begin());
    if (::inet_pton(AF_INET, text.data(), bytes.data()) == 1) return {bytes.data(), 4};
    if (::inet_pton(AF_INET6, text.data(), bytes.data()) != 1) return {};
    constexpr std::array<char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff'};
    if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return {bytes.data() + 12, 4};
    return {bytes.data(), 8};
}

std::string_view field_of(const http::RequestHead& request, const std::string& folded) noexcept {
    for (const http::Field& field : request.fields) {
        if (is_preview_header(field.name, {&folded, 1})) return field.value;
    }
    return {};
}

/// The client's point by its cookie, or a new one.
void place_by_cookie(const ServiceState& service, const http::RequestHead& request,
                     const CanaryClient& client, CanaryVisit& visit) noexcept {
    const Canary& canary = *service.canary;
    const PreviewNames names{{}, {&canary.cookie, 1}};
    const PreviewSigns signs = find_signs(request, names);
    visit.known = true;
    for (const PreviewSign& sign : signs.all()) {
        if (sign.kind != PreviewSign::Kind::cookie) continue;
        const std::int64_t now = client.now < 0 ? unix_now() : client.now;
        const auto cookie = check_canary_cookie(sign.value, canary.keys, service.name(), canary.run,
                                                now, canary.longest);
        if (!cookie) continue;
        visit.point = cookie->point;
        // Renewed with the same point, long before it ends.
        visit.wants_cookie = cookie->expires - now < canary.longest / 2;
        return;
    }
    visit.point = point_of(mix(client.draw));
    visit.drawn = visit.wants_cookie = true;
}

void place(const ServiceState& service, const http::RequestHead& request,
           const CanaryClient& client, CanaryVisit& visit) noexcept {
    const Canary& canary = *service.canary;
    visit = {};
    visit.run = canary.run;
    if (canary.by_cookie()) return place_by_cookie(service, request, client, visit);
    std::array<char, 16> bytes{};
    const std::string_view who = canary.stick == config::Canary::Stick::header
                                     ? field_of(request, canary.header)
                                     : client_part(client.address, bytes);
    if (who.empty()) return;
    visit.known = true;
    visit.point = canary_point(service.name(), canary.run, who);
}

}  // namespace

bool may_serve(const SlotState& slot, std::uint64_t now_ns,
               std::span<const std::uint32_t> tried) noexcept {
    return std::any_of(slot.targets.begin(), slot.targets.end(), [&](const auto& target) {
        return target->health() != Health::unhealthy && !target->ejected(now_ns) &&
               std::find(tried.begin(), tried.end(), target->id()) == tried.end();
    });
}

std::uint32_t canary_point(std::string_view service, std::uint64_t run,
                           std::string_view client) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325 ^ mix(run);
    hash = hashed(hash, service);
    hash = hashed(hash, "\n");
    return point_of(mix(hashed(hash, client)));
}

Decision decide_canary(const Decision& live, const http::RequestHead& request,
                       const CanaryClient& client, CanaryVisit& visit) noexcept {
    const ServiceState& service = *live.service;
    const Canary& canary = *service.canary;
    if (visit.run != canary.run) place(service, request, client, visit);
    visit.compared = visit.belongs = false;
    if (!visit.known) {
        visit.reason = CanaryReason::unknown;
        return live;
    }
    visit.reason = visit.drawn ? CanaryReason::first : CanaryReason::sticky;
    visit.belongs = visit.point < canary.share;
    const SlotState* slot = service.slot(other(service.live));
    // While the canary serves nobody, the live side is not compared with it either: both sides
    // are always of the same time.
    const bool serves = slot != nullptr && may_serve(*slot, client.now_ns, {});
    visit.compared = serves || visit.failed;
    if (!visit.belongs) return live;
    if (visit.failed && (slot == nullptr || !may_serve(*slot, client.now_ns, client.tried))) {
        visit.reason = CanaryReason::failed;
        return live;
    }
    if (!serves) {
        visit.reason = CanaryReason::unhealthy;
        return live;
    }
    Decision decision = live;
    decision.slot = slot;
    decision.way = Way::canary;
    return decision;
}

}  // namespace switchyard::route
