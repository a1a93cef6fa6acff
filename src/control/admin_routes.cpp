#include "control/admin_routes.hpp"

#include "base/log.hpp"
#include "control/body.hpp"
#include "control/change_body.hpp"
#include "control/peer.hpp"
#include "control/replies.hpp"
#include "control/status.hpp"

#include <charconv>
#include <utility>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

/// Shorter than the silence that the command line bears.
constexpr std::uint64_t kLongestIpWaitMs = 30'000;

HttpReply wrong_method(std::string allowed) {
    HttpReply reply = refusal_reply(method_not_allowed(allowed));
    reply.fields.emplace_back("Allow", std::move(allowed));
    return reply;
}

}  // namespace

/// Reads a whole number; false: the parameter is there, but is none within the bounds.
bool AdminRoutes::number(const Call& call, std::string_view key, std::uint64_t least,
                         std::uint64_t most, std::uint64_t& value) {
    const std::string* text = call.parameter(key);
    if (text == nullptr) return true;
    const char* end = text->data() + text->size();
    const auto result = std::from_chars(text->data(), end, value);
    return result.ec == std::errc() && result.ptr == end && value >= least && value <= most;
}

asio::awaitable<Caller> AdminRoutes::caller_of(std::optional<std::uint32_t> uid) {
    if (!uid) co_return daemon_caller();
    std::string name = co_await names_.of(*uid);
    co_return Caller{*uid, std::move(name)};
}

HttpReply AdminRoutes::failure(unsigned status) const {
    switch (status) {
        case 413:
        case 431:
            return refusal_reply(too_large());
        case 400:
            return refusal_reply(bad_request("This is not an HTTP request."));
        default:
            return refusal_reply(internal_error("a request could not be handled"));
    }
}

asio::awaitable<HttpReply> AdminRoutes::handle(HttpRequest request) {
    Call call;
    const auto url = boost::urls::parse_origin_form(request.target);
    if (!url) co_return refusal_reply(bad_request("The request target is not a path."));
    for (const std::string segment : url->segments())
        call.path.push_back(segment);
    for (const auto& parameter : url->params()) {
        call.query.emplace_back(std::string(parameter.key), std::string(parameter.value));
    }
    call.request = std::move(request);
    co_return co_await dispatch(std::move(call));
}

asio::awaitable<HttpReply> AdminRoutes::dispatch(Call call) {
    const std::vector<std::string>& path = call.path;
    const bool get = call.request.method == "GET";
    const bool post = call.request.method == "POST";
    const bool v1 = path.size() >= 2 && path[0] == "v1";
    const std::string name = v1 ? path[1] : std::string();
    if (v1 && path.size() == 2) {
        if (name == "version" || name == "status" || name == "events" || name == "history") {
            if (!get) co_return wrong_method("GET");
            if (name == "status") co_return status(call);
            if (name == "events") co_return events(call);
            if (name == "history") co_return co_await history(std::move(call));
            json::object version;
            version["version"] = SWITCHYARD_VERSION;
            version["api"] = 1;
            co_return object_reply(version);
        }
        if (name == "reload") {
            if (!post) co_return wrong_method("POST");
            co_return co_await reload(std::move(call));
        }
    }
    if (v1 && name == "reserved_ip" && path.size() == 2) {
        if (!get) co_return wrong_method("GET");
        co_return co_await reserved_ip(std::move(call));
    }
    if (v1 && name == "reserved_ip" && path.size() == 3 && path[2] == "sync") {
        if (!post) co_return wrong_method("POST");
        co_return co_await sync_reserved_ip(std::move(call));
    }
    if (v1 && name == "services" && path.size() == 3) {
        if (!get) co_return wrong_method("GET");
        co_return service(call);
    }
    if (v1 && name == "services" && path.size() == 4 &&
        (path[3] == "switch" || path[3] == "rollback")) {
        if (!post) co_return wrong_method("POST");
        const Change kind = path[3] == "rollback" ? Change::rollback : Change::to_other;
        co_return co_await change(std::move(call), kind);
    }
    if (v1 && name == "services" && path.size() == 4 && path[3] == "canary") {
        if (get) co_return show_canary(call);
        if (!post) co_return wrong_method("GET, POST");
        co_return co_await canary(std::move(call));
    }
    if (v1 && name == "services" && path.size() == 5 && path[3] == "canary" &&
        path[4] == "promote") {
        if (!post) co_return wrong_method("POST");
        co_return co_await change(std::move(call), Change::promote);
    }
    if (v1 && name == "services" && path.size() == 4 && path[3] == "preview") {
        if (!post) co_return wrong_method("POST");
        co_return co_await preview(std::move(call));
    }
    if (v1 && name == "services" && path.size() == 4 &&
        (path[3] == "hold" || path[3] == "release" || path[3] == "maintenance")) {
        if (!post) co_return wrong_method("POST");
        if (path[3] == "hold") co_return co_await hold(std::move(call));
        if (path[3] == "release") co_return co_await release(std::move(call));
        co_return co_await maintenance(std::move(call));
    }
    if (v1 && name == "services" && path.size() == 4 && path[3] == "deploy") {
        if (get) co_return follow_deploy(call);
        if (!post) co_return wrong_method("GET, POST");
        co_return co_await deploy(std::move(call));
    }
    if (v1 && name == "services" && path.size() == 5 && path[3] == "deploy" &&
        path[4] == "cancel") {
        if (!post) co_return wrong_method("POST");
        co_return co_await cancel_deploy(std::move(call));
    }
    co_return refusal_reply(not_found(call.request.target));
}

HttpReply AdminRoutes::status(const Call&) const {
    return object_reply(status_json(controller_, metrics_address_()));
}

Refusal AdminRoutes::no_service(const std::string& name) const {
    json::array known;
    for (const auto& state : controller_.snapshot().services)
        known.emplace_back(state->name());
    return unknown_service(name, std::move(known));
}

HttpReply AdminRoutes::service(const Call& call) const {
    const auto state = controller_.routing().find(call.path[2]);
    if (!state) return refusal_reply(no_service(call.path[2]));
    json::object object = service_json(controller_, *state);
    object["now"] = rfc3339(Wall::now());
    return object_reply(object);
}

HttpReply AdminRoutes::events(const Call& call) {
    std::string service;
    if (const std::string* wish = call.parameter("service")) service = *wish;
    if (!service.empty() && !controller_.routing().find(service)) {
        return refusal_reply(no_service(service));
    }
    return stream_reply(controller_.events().subscribe(std::move(service)));
}

asio::awaitable<HttpReply> AdminRoutes::history(Call call) {
    std::string service;
    if (const std::string* wish = call.parameter("service")) service = *wish;
    std::uint64_t limit = 20;
    if (!number(call, "limit", 1, 1000, limit)) {
        co_return refusal_reply(
            bad_request("limit must be a whole number from 1 to 1000.", "limit"));
    }
    const auto entries = co_await controller_.history(service, limit);
    if (!entries) {
        const std::string& file = controller_.snapshot().config->state;
        Refusal failed = state_failed(file, entries.error());
        failed.message = "The history could not be read: " + entries.error().message;
        co_return refusal_reply(failed);
    }
    // A service of former times still has its history; a mistyped one has none and never was.
    if (entries->empty() && !service.empty() && !controller_.routing().find(service)) {
        co_return refusal_reply(no_service(service));
    }
    json::array array;
    for (const state::HistoryEntry& entry : *entries)
        array.push_back(history_json(entry));
    json::object object;
    object["entries"] = std::move(array);
    co_return object_reply(object);
}

HttpReply AdminRoutes::reserved_ip_reply(std::optional<std::uint64_t> epoch) const {
    json::object object;
    object["reserved_ip"] = nullptr;
    object["followed"] = false;
    if (const ReservedIp* ip = controller_.reserved_ip_port(); ip && !ip->service().empty()) {
        object["reserved_ip"] = controller_.reserved_ip(ip->service());
        object["followed"] = ip->followed(epoch.value_or(0));
    }
    object["now"] = rfc3339(Wall::now());
    return object_reply(object);
}

/// With `epoch` and `wait_ms` it answers as soon as the IP follows that epoch, or after the wait.
asio::awaitable<HttpReply> AdminRoutes::reserved_ip(Call call) {
    std::uint64_t epoch = 0;
    std::uint64_t wait_ms = 0;
    if (!number(call, "epoch", 0, INT64_MAX, epoch)) {
        co_return refusal_reply(bad_request("epoch must be a whole number.", "epoch"));
    }
    if (!number(call, "wait_ms", 0, kLongestIpWaitMs, wait_ms)) {
        co_return refusal_reply(bad_request(
            fmt::format("wait_ms must be a whole number from 0 to {}.", kLongestIpWaitMs),
            "wait_ms"));
    }
    const ReservedIp* ip = controller_.reserved_ip_port();
    if (wait_ms != 0 && ip != nullptr && !ip->service().empty()) {
        const auto wait = std::chrono::milliseconds(static_cast<std::int64_t>(wait_ms));
        (void)co_await controller_.reserved_ip_followed(epoch, Steady::now() + wait);
    }
    co_return reserved_ip_reply(epoch);
}

asio::awaitable<HttpReply> AdminRoutes::sync_reserved_ip(Call call) {
    const std::optional<Refusal> refusal = check_empty(call.request.body);
    if (refusal) co_return refusal_reply(*refusal);
    const ReservedIp* ip = controller_.reserved_ip_port();
    if (ip == nullptr || ip->service().empty()) co_return refusal_reply(no_reserved_ip());
    Caller caller = co_await caller_of(call.request.uid);
    spdlog::info("reserved_ip_sync uid={} user={}", caller.uid, log_value(caller.user));
    co_await controller_.sync_reserved_ip();
    co_return reserved_ip_reply(std::nullopt);
}

asio::awaitable<HttpReply> AdminRoutes::change(Call call, Change kind) {
    auto parsed = parse_change(call.request.body, kind == Change::rollback);
    if (const auto* refusal = std::get_if<Refusal>(&parsed)) co_return refusal_reply(*refusal);
    ChangeRequest request = std::get<ChangeRequest>(std::move(parsed));
    request.promote = kind == Change::promote;
    // Where a canary leads is not for the one who promotes it to say.
    if (request.promote && request.to) co_return refusal_reply(unknown_key("to"));
    request.service = call.path[2];
    request.caller = co_await caller_of(call.request.uid);
    const std::shared_ptr<ChangeTicket> ticket = controller_.change(std::move(request));
    co_await ticket->decided();
    if (ticket->error) co_return refusal_reply(*ticket->error);
    if (ticket->object()) co_return object_reply(*ticket->object());
    co_return stream_reply(std::make_unique<TicketStream>(ticket));
}

asio::awaitable<HttpReply> AdminRoutes::reload(Call call) {
    const std::optional<Refusal> refusal = check_empty(call.request.body);
    if (refusal) co_return refusal_reply(*refusal);
    Caller caller = co_await caller_of(call.request.uid);
    const std::shared_ptr<ChangeTicket> ticket = controller_.reload(std::move(caller));
    co_await ticket->decided();
    if (ticket->error) co_return refusal_reply(*ticket->error);
    co_return object_reply(*ticket->object());
}

}  // namespace switchyard::control
