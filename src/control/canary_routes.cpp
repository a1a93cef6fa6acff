// The admin API's paths of canaries.
#include "control/admin_routes.hpp"
#include "control/canary_body.hpp"
#include "control/canary_view.hpp"
#include "control/replies.hpp"

#include <utility>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

HttpReply AdminRoutes::show_canary(const Call& call) const {
    const auto state = controller_.routing().find(call.path[2]);
    if (!state) return refusal_reply(no_service(call.path[2]));
    json::object object;
    object["service"] = state->name();
    object["live"] = to_string(state->live);
    object["epoch"] = state->epoch;
    object["settings"] = canary_settings_json(*state);
    object["canary"] = canary_status_json(*state, controller_.entry(state->name()));
    object["now"] = rfc3339(Wall::now());
    return object_reply(object);
}

asio::awaitable<HttpReply> AdminRoutes::canary(Call call) {
    auto parsed = parse_canary(call.request.body);
    if (const auto* refusal = std::get_if<Refusal>(&parsed)) co_return refusal_reply(*refusal);
    CanaryRequest request = std::get<CanaryRequest>(std::move(parsed));
    request.service = call.path[2];
    request.caller = co_await caller_of(call.request.uid);
    const std::shared_ptr<ChangeTicket> ticket = controller_.canary(std::move(request));
    co_await ticket->decided();
    if (ticket->error) co_return refusal_reply(*ticket->error);
    if (ticket->object()) co_return object_reply(*ticket->object());
    co_return stream_reply(std::make_unique<TicketStream>(ticket));
}

}  // namespace switchyard::control
