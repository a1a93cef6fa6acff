// The admin API's paths of hold, release and maintenance.
#include "control/admin_routes.hpp"
#include "control/change_body.hpp"
#include "control/hold_body.hpp"
#include "control/replies.hpp"

#include <utility>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

asio::awaitable<HttpReply> AdminRoutes::hold(Call call) {
    auto parsed = parse_hold(call.request.body);
    if (const auto* refusal = std::get_if<Refusal>(&parsed)) co_return refusal_reply(*refusal);
    HoldRequest request = std::get<HoldRequest>(std::move(parsed));
    request.service = call.path[2];
    request.caller = co_await caller_of(call.request.uid);
    const std::shared_ptr<ChangeTicket> ticket = controller_.hold(std::move(request));
    co_await ticket->decided();
    if (ticket->error) co_return refusal_reply(*ticket->error);
    co_return stream_reply(std::make_unique<TicketStream>(ticket));
}

asio::awaitable<HttpReply> AdminRoutes::release(Call call) {
    const std::optional<Refusal> wrong = check_empty(call.request.body);
    if (wrong) co_return refusal_reply(*wrong);
    Caller caller = co_await caller_of(call.request.uid);
    json::object result;
    const std::optional<Refusal> refusal =
        co_await controller_.release(call.path[2], std::move(caller), result);
    if (refusal) co_return refusal_reply(*refusal);
    result.stable_erase("event");
    co_return object_reply(result);
}

asio::awaitable<HttpReply> AdminRoutes::maintenance(Call call) {
    auto parsed = parse_maintenance(call.request.body);
    if (const auto* refusal = std::get_if<Refusal>(&parsed)) co_return refusal_reply(*refusal);
    MaintenanceRequest request = std::get<MaintenanceRequest>(std::move(parsed));
    request.service = call.path[2];
    request.caller = co_await caller_of(call.request.uid);
    const std::shared_ptr<ChangeTicket> ticket = controller_.maintenance(std::move(request));
    co_await ticket->decided();
    if (ticket->error) co_return refusal_reply(*ticket->error);
    co_return object_reply(*ticket->object());
}

}  // namespace switchyard::control
