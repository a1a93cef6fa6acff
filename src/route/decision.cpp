#include "route/decision.hpp"

#include "route/unix_time.hpp"

#include <algorithm>
#include <chrono>

namespace switchyard::route {

namespace {

constexpr std::string_view kOpenId = "open";

/// Whether this service looks for passes where the sign was found.
bool looks_at(const PreviewGate& gate, const PreviewSign& sign) noexcept {
    switch (sign.kind) {
        case PreviewSign::Kind::header:
            return !gate.header.empty() && is_preview_header(sign.name, {&gate.header, 1});
        case PreviewSign::Kind::cookie:
            return sign.name == gate.cookie;
        case PreviewSign::Kind::link:
            return !gate.cookie.empty();
    }
    return false;
}

bool opens(const ServiceState& service, const PreviewSign& sign, std::int64_t now,
           PreviewVisit& visit) noexcept {
    const PreviewGate& gate = *service.preview;
    if (!gate.is_signed) {
        if (sign.value != kOpenPass) return false;
        visit.id = kOpenId;
    } else {
        const auto pass = check_pass(sign.value, gate.keys, service.name(), now, gate.longest);
        if (!pass) return false;
        visit.id = pass->id;
        visit.expires = pass->expires;
    }
    visit.link = sign.kind == PreviewSign::Kind::link;
    visit.pass = sign.value;
    return true;
}

/// Whether the request may see the idle slot of this service. Links come first in `signs`.
bool admits(const ServiceState& service, const PreviewSigns& signs, bool by_host, std::int64_t now,
            PreviewVisit& visit) noexcept {
    if (!service.preview || service.slot(other(service.live)) == nullptr) return false;
    const PreviewGate& gate = *service.preview;
    bool leave = false;
    for (const PreviewSign& sign : signs.all()) {
        if (!looks_at(gate, sign)) continue;
        if (sign.kind == PreviewSign::Kind::link && sign.value == kLeavePass) {
            leave = true;
        } else if (opens(service, sign, now, visit)) {
            visit.granted = true;
            break;
        }
    }
    if (!visit.granted && by_host && !gate.is_signed) {
        visit.granted = true;
        visit.id = kOpenId;
    }
    visit.leave = visit.granted && leave && !visit.link;
    return visit.granted;
}

Decision preview_of(const ServiceState& service) noexcept {
    return {&service, service.slot(other(service.live)), Way::preview, nullptr};
}

Decision ordinary(const Snapshot& snapshot, std::string_view host, std::string_view path) noexcept {
    const Snapshot::Match match = snapshot.match(host, path);
    if (match.service == nullptr) return {};
    return {match.service, &match.service->serving_slot(), Way::live, match.gate};
}

}  // namespace

Decision decide(const Snapshot& snapshot, std::string_view host, const http::RequestHead& request,
                PreviewVisit& visit) noexcept {
    if (snapshot.previews == nullptr) [[likely]] {
        visit = {};
        return ordinary(snapshot, host, request.path);
    }
    return decide_at(snapshot, host, request, -1, visit);
}

Decision decide_at(const Snapshot& snapshot, std::string_view host,
                   const http::RequestHead& request, std::int64_t now,
                   PreviewVisit& visit) noexcept {
    visit = {};
    const PreviewTable& table = *snapshot.previews;
    const PreviewSigns signs = find_signs(request, table.names());
    visit.signs = signs.any;
    if (signs.any && now < 0) now = unix_now();
    // A host of its own is there for those who may see the preview, and for nobody else.
    if (const int index = table.find(host, request.path); index >= 0) {
        const ServiceState& service = *snapshot.services[static_cast<std::size_t>(index)];
        if (admits(service, signs, true, now, visit)) return preview_of(service);
    }
    const Decision decision = ordinary(snapshot, host, request.path);
    if (decision.service != nullptr && signs.any &&
        admits(*decision.service, signs, false, now, visit)) {
        return preview_of(*decision.service);
    }
    return decision;
}

bool may_answer(const SlotState& slot) noexcept {
    return std::any_of(slot.targets.begin(), slot.targets.end(),
                       [](const auto& target) { return target->health() != Health::unhealthy; });
}

}  // namespace switchyard::route
