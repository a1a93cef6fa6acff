#pragma once

#include "cloud/api.hpp"
#include "cloud/http_client.hpp"
#include "config/config.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace switchyard::cloud {

/// DigitalOcean's API (v2) as far as one reserved IP needs it. Each function is one request, with
/// the configured time-out; none throws. Whoever calls keeps the object until the answer is there.
class DigitalOcean {
  public:
    /// `context` must outlive it. Reads the CA certificates; a problem with them, like one with the
    /// token, becomes the answer to every request.
    DigitalOcean(boost::asio::io_context& context, config::ReservedIp config);

    /// Reads the token from its file again.
    void renew_token();

    boost::asio::awaitable<Answer<IpView>> look();
    /// Moves the IP in one step, whoever holds it.
    boost::asio::awaitable<Answer<ActionView>> assign(std::uint64_t droplet);
    boost::asio::awaitable<Answer<ActionView>> action(std::uint64_t id);
    boost::asio::awaitable<Answer<DropletView>> droplet(std::uint64_t id);

    /// Whether the token may list actions; the answer is always true.
    boost::asio::awaitable<Answer<bool>> may_read_actions();
    /// Whether the token may move the IP: asks for an action of a kind that does not exist, which
    /// whoever lacks the scope is refused for another reason. It changes nothing.
    boost::asio::awaitable<Answer<bool>> may_update();

    /// Ends requests under way.
    void abort() { http_.abort(); }

  private:
    boost::asio::awaitable<Answer<HttpAnswer>> send(std::string method, std::string target,
                                                    std::string body);

    config::ReservedIp config_;
    HttpClient http_;
    std::string ip_path_;  ///< "/v2/reserved_ips/203.0.113.10".
    bool v6_ = false;
    std::string token_;
    std::string token_problem_;
};

}  // namespace switchyard::cloud
