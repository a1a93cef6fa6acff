#include "cloud/digitalocean.hpp"

#include "cloud/answers.hpp"
#include "cloud/token.hpp"

#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace switchyard::cloud {
namespace asio = boost::asio;
namespace json = boost::json;

DigitalOcean::DigitalOcean(asio::io_context& context, config::ReservedIp config)
    : config_(std::move(config)),
      http_(context, config_.api),
      v6_(config_.address.find(':') != std::string::npos) {
    ip_path_ = (v6_ ? "/v2/reserved_ipv6/" : "/v2/reserved_ips/") + config_.address;
    if (config_.api.tls) (void)http_.trust(config_.ca_file);  // its problem answers every request
    renew_token();
}

void DigitalOcean::renew_token() {
    auto token = read_token(config_.token_file);
    token_ = token ? *std::move(token) : std::string();
    token_problem_ = token_.empty() ? token.error().message : std::string();
}

asio::awaitable<Answer<HttpAnswer>> DigitalOcean::send(std::string method, std::string target,
                                                       std::string body) {
    if (token_.empty()) {
        Failure failure;
        failure.kind = Failure::Kind::token;
        failure.message = token_problem_;
        failure.sent = false;
        co_return failure;
    }
    HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.fields.emplace_back("Authorization", "Bearer " + token_);
    HttpResult result = co_await http_.send(std::move(request), config_.request_timeout);
    if (!result) {
        Failure failure;
        failure.kind = Failure::Kind::network;
        failure.message = harmless(result.error().message, token_);
        failure.sent = result.error().sent;
        co_return failure;
    }
    co_return *std::move(result);
}

asio::awaitable<Answer<IpView>> DigitalOcean::look() {
    Answer<HttpAnswer> answer = co_await send("GET", ip_path_, "");
    if (!answer) co_return answer.error();
    co_return ip_of(*answer, token_);
}

asio::awaitable<Answer<ActionView>> DigitalOcean::assign(std::uint64_t droplet) {
    json::object body;
    body["type"] = "assign";
    body["droplet_id"] = droplet;
    std::string text = json::serialize(body);
    Answer<HttpAnswer> answer = co_await send("POST", ip_path_ + "/actions", std::move(text));
    if (!answer) co_return answer.error();
    co_return action_of(*answer, token_);
}

asio::awaitable<Answer<ActionView>> DigitalOcean::action(std::uint64_t id) {
    // There is no action below an IPv6 address.
    std::string target = (v6_ ? "/v2/actions/" : ip_path_ + "/actions/") + std::to_string(id);
    Answer<HttpAnswer> answer = co_await send("GET", std::move(target), "");
    if (!answer) co_return answer.error();
    co_return action_of(*answer, token_);
}

asio::awaitable<Answer<DropletView>> DigitalOcean::droplet(std::uint64_t id) {
    Answer<HttpAnswer> answer = co_await send("GET", "/v2/droplets/" + std::to_string(id), "");
    if (!answer) co_return answer.error();
    co_return droplet_of(*answer, token_);
}

asio::awaitable<Answer<bool>> DigitalOcean::may_read_actions() {
    Answer<HttpAnswer> answer = co_await send("GET", "/v2/actions?per_page=1", "");
    if (!answer) co_return answer.error();
    if (answer->status >= 300) {
        co_return failure_of(*answer, token_, std::chrono::system_clock::now());
    }
    co_return true;
}

asio::awaitable<Answer<bool>> DigitalOcean::may_update() {
    Answer<HttpAnswer> answer =
        co_await send("POST", ip_path_ + "/actions", R"({"type":"scope_check"})");
    if (!answer) co_return answer.error();
    // Refused for what was asked, not for who asks: the token may.
    if (answer->status == 422 || answer->status == 400) co_return true;
    Failure failure = failure_of(*answer, token_, std::chrono::system_clock::now());
    co_return failure;
}

}  // namespace switchyard::cloud
