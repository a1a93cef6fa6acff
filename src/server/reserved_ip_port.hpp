#pragma once

#include "cloud/follower.hpp"
#include "control/ports.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace switchyard::server {

/// The follower of the configured reserved IP, if there is one, as the controller's port: turns
/// slots into droplets, and what happens into events, log lines and status. Control thread.
class ReservedIpPort final : public control::ReservedIp {
  public:
    /// `context` must outlive it.
    explicit ReservedIpPort(boost::asio::io_context& context) : context_(context) {}

    // control::ReservedIp
    void configure(const config::Config& config) override;
    void follow(const std::string& service, Colour live, std::uint64_t epoch) override;
    [[nodiscard]] std::string status_json(const std::string& service) const override;
    [[nodiscard]] std::string service() const override;
    [[nodiscard]] bool followed(std::uint64_t epoch) const override;
    boost::asio::awaitable<void> sync() override;
    void on_event(std::function<void(boost::json::object)> callback) override;
    [[nodiscard]] std::optional<observe::ReservedIpGauge> gauge() const override;

    /// Ends all requests to the API; completes when none is under way.
    boost::asio::awaitable<void> stop();

    /// The droplets of the slots of the service that is followed.
    [[nodiscard]] static std::vector<std::uint64_t> droplets(const config::Config& config);
    /// Why token or CA certificates can't be read, a sentence each. Reads the files.
    [[nodiscard]] static std::vector<std::string> file_problems(const config::ReservedIp& config);

  private:
    void tell(const cloud::Note& note);
    [[nodiscard]] const config::ReservedIp* section() const noexcept;

    boost::asio::io_context& context_;
    std::function<void(boost::json::object)> on_event_;
    std::map<Colour, std::uint64_t> droplets_;  ///< Of the slots of the followed service.
    std::optional<Colour> live_;
    std::unique_ptr<cloud::Follower> follower_;
    std::vector<std::unique_ptr<cloud::Follower>> former_;  ///< Replaced ones that still run.
};

}  // namespace switchyard::server
