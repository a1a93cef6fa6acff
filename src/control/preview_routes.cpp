// The admin API's path of previews: a pass to the idle slot, and the ways to use it.
#include "base/log.hpp"
#include "control/admin_routes.hpp"
#include "control/deploy_view.hpp"
#include "control/preview_view.hpp"
#include "control/replies.hpp"
#include "control/times.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

asio::awaitable<HttpReply> AdminRoutes::preview(Call call) {
    auto parsed = parse_preview(call.request.body);
    if (const auto* refusal = std::get_if<Refusal>(&parsed)) co_return refusal_reply(*refusal);
    Caller caller = co_await caller_of(call.request.uid);
    const auto state = controller_.routing().find(call.path[2]);
    if (!state) co_return refusal_reply(no_service(call.path[2]));
    const Wall::time_point now = Wall::now();
    auto issued = issue_pass(*state, std::get<PreviewRequest>(parsed), now);
    if (const auto* refusal = std::get_if<Refusal>(&issued)) co_return refusal_reply(*refusal);
    const PreviewPass& pass = std::get<PreviewPass>(issued);
    const Wall::time_point expires{std::chrono::seconds(pass.expires)};

    const Colour idle = other(state->live);
    const route::SlotState& slot = *state->slot(idle);
    const bool healthy =
        std::any_of(slot.targets.begin(), slot.targets.end(), [this](const auto& target) {
            return controller_.monitor().report(*target).health == route::Health::healthy;
        });
    json::object object;
    object["service"] = state->name();
    object["slot"] = to_string(idle);
    object["slot_name"] = slot.name;
    object["release"] =
        release_json(controller_.entry(state->name()).record.releases[index_of(idle)]);
    object["healthy"] = healthy;
    object["live"] = to_string(state->live);
    object["epoch"] = state->epoch;
    object["signed"] = state->preview->is_signed;
    object["pass"] = pass.text;
    object["pass_id"] = pass.id;
    object["expires_at"] = nullptr;
    if (pass.expires != 0) object["expires_at"] = rfc3339(expires);
    const std::string base = preview_base(*state, controller_.facts().listeners());
    for (auto& way : preview_ways_json(*state->config, pass, base))
        object[way.key()] = std::move(way.value());
    object["now"] = rfc3339(now);
    if (state->preview->is_signed) {
        spdlog::info("preview_pass_made service={} pass={} expires={} uid={} user={}",
                     log_value(state->name()), pass.id, rfc3339(expires), caller.uid,
                     log_value(caller.user));
    }
    co_return object_reply(object);
}

}  // namespace switchyard::control
