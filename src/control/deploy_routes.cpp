// The admin API's paths of deploys: begin one, follow it, end it.
#include "control/admin_routes.hpp"
#include "control/deploy_request.hpp"
#include "control/deploy_view.hpp"
#include "control/replies.hpp"

#include <utility>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

/// How long the answer to a cancellation waits for the end, before whoever asked gives up.
constexpr std::chrono::seconds kCancelPatience{30};

}  // namespace

asio::awaitable<HttpReply> AdminRoutes::deploy(Call call) {
    auto parsed = parse_deploy(call.request.body);
    if (const auto* refusal = std::get_if<Refusal>(&parsed)) co_return refusal_reply(*refusal);
    DeployRequest request = std::get<DeployRequest>(std::move(parsed));
    request.service = call.path[2];
    request.caller = co_await caller_of(call.request.uid);
    const std::shared_ptr<DeployJob> job = controller_.deploy(std::move(request));
    co_await job->until_decided();
    if (job->refusal) co_return refusal_reply(*job->refusal);
    co_return stream_reply(job->feed.follow());
}

HttpReply AdminRoutes::follow_deploy(const Call& call) const {
    const std::string& service = call.path[2];
    const std::shared_ptr<DeployJob> job = controller_.deploy_of(service);
    if (job && job->decided) return stream_reply(job->feed.follow());
    if (!controller_.routing().find(service)) return refusal_reply(no_service(service));
    return refusal_reply(no_deploy(service, false));
}

asio::awaitable<HttpReply> AdminRoutes::cancel_deploy(Call call) {
    const auto parsed = parse_cancel(call.request.body);
    if (const auto* refusal = std::get_if<Refusal>(&parsed)) co_return refusal_reply(*refusal);
    const bool wait = std::get<bool>(parsed);
    const std::string service = call.path[2];
    Caller caller = co_await caller_of(call.request.uid);
    const std::shared_ptr<DeployJob> job = controller_.deploy_of(service);
    const std::optional<Refusal> refusal = controller_.cancel_deploy(service, std::move(caller));
    if (refusal) co_return refusal_reply(*refusal);
    if (wait) co_await job->until_over(Steady::now() + kCancelPatience);
    json::object answer;
    answer["service"] = service;
    answer["cancelling"] = true;
    answer["ended"] = job->over();
    answer["result"] = nullptr;
    if (job->over() && !job->result.empty()) answer["result"] = job->result;
    co_return object_reply(answer);
}

}  // namespace switchyard::control
