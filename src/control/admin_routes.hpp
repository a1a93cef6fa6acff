#pragma once

#include "control/controller.hpp"
#include "control/http_message.hpp"
#include "control/user_names.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace switchyard::control {

/// The admin API (docs/admin-api.md): turns requests into commands of the controller, and what
/// comes of them into answers. Control thread only.
class AdminRoutes final : public HttpHandler {
  public:
    /// `metrics_address` is asked at each status.
    AdminRoutes(boost::asio::any_io_executor executor, Controller& controller,
                std::function<std::string()> metrics_address)
        : controller_(controller),
          metrics_address_(std::move(metrics_address)),
          names_(std::move(executor)) {}

    /// Ends what may wait for the system's name service. False: that is stuck.
    [[nodiscard]] bool close() { return names_.close(); }

    boost::asio::awaitable<HttpReply> handle(HttpRequest request) override;
    [[nodiscard]] HttpReply failure(unsigned status) const override;

  private:
    /// A request taken apart: the path's segments, and the query.
    struct Call {
        HttpRequest request;
        std::vector<std::string> path;
        std::vector<std::pair<std::string, std::string>> query;

        [[nodiscard]] const std::string* parameter(std::string_view key) const {
            for (const auto& [name, value] : query) {
                if (name == key) return &value;
            }
            return nullptr;
        }
    };

    static bool number(const Call& call, std::string_view key, std::uint64_t least,
                       std::uint64_t most, std::uint64_t& value);
    boost::asio::awaitable<Caller> caller_of(std::optional<std::uint32_t> uid);
    boost::asio::awaitable<HttpReply> dispatch(Call call);
    enum class Change : std::uint8_t { to_other, rollback, promote };
    boost::asio::awaitable<HttpReply> change(Call call, Change kind);
    boost::asio::awaitable<HttpReply> reload(Call call);
    // deploy_routes.cpp
    boost::asio::awaitable<HttpReply> deploy(Call call);
    boost::asio::awaitable<HttpReply> cancel_deploy(Call call);
    [[nodiscard]] HttpReply follow_deploy(const Call& call) const;
    boost::asio::awaitable<HttpReply> preview(Call call);  // preview_routes.cpp
    // canary_routes.cpp
    [[nodiscard]] HttpReply show_canary(const Call& call) const;
    boost::asio::awaitable<HttpReply> canary(Call call);
    // hold_routes.cpp
    boost::asio::awaitable<HttpReply> hold(Call call);
    boost::asio::awaitable<HttpReply> release(Call call);
    boost::asio::awaitable<HttpReply> maintenance(Call call);
    boost::asio::awaitable<HttpReply> history(Call call);
    boost::asio::awaitable<HttpReply> reserved_ip(Call call);
    boost::asio::awaitable<HttpReply> sync_reserved_ip(Call call);
    [[nodiscard]] HttpReply reserved_ip_reply(std::optional<std::uint64_t> epoch) const;
    [[nodiscard]] HttpReply status(const Call& call) const;
    [[nodiscard]] HttpReply service(const Call& call) const;
    [[nodiscard]] HttpReply events(const Call& call);
    [[nodiscard]] Refusal no_service(const std::string& name) const;

    Controller& controller_;
    std::function<std::string()> metrics_address_;
    UserNames names_;
};

}  // namespace switchyard::control
