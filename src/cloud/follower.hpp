#pragma once

#include "cloud/digitalocean.hpp"
#include "cloud/metadata.hpp"
#include "cloud/reconciler.hpp"
#include "cloud/token_check.hpp"
#include "config/config.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace switchyard::cloud {

/// Keeps one reserved IP where it should be: does what the reconciler decides, by DigitalOcean's
/// API. Everything is called on the thread of the context, and calls back on it.
///
/// Besides it tests the token once the API was reached, and asks the droplet's metadata service
/// when that is configured; both only report.
class Follower {
  public:
    /// What it tells while it works. The callback may look at the follower, but not end it.
    using OnNote = std::function<void(const Note&)>;

    /// `droplets`: those of both slots, for the test of the token. `context` must outlive it.
    Follower(boost::asio::io_context& context, config::ReservedIp config,
             std::vector<std::uint64_t> droplets, OnNote on_note);
    /// What stop() was not awaited for ends on its own and calls back no more.
    ~Follower();
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    /// Who shall hold the IP from now on; the first call begins to work. Returns at once.
    void want(Desired desired);
    /// Another configuration of the same IP. What is known stays; the token is read again.
    void reconfigure(config::ReservedIp config, std::vector<std::uint64_t> droplets);
    /// A look now; completes when it was made, well or not, or after `limit`.
    boost::asio::awaitable<void> sync(std::chrono::milliseconds limit);

    /// Ends what is under way; completes when nothing runs any more.
    boost::asio::awaitable<void> stop();
    /// The same without waiting.
    void begin_stop();
    [[nodiscard]] bool running() const noexcept;

    [[nodiscard]] const config::ReservedIp& config() const noexcept;
    [[nodiscard]] const Reconciler& reconciler() const noexcept;
    [[nodiscard]] const std::optional<TokenReport>& token() const noexcept;
    [[nodiscard]] const std::optional<MetadataView>& metadata() const noexcept;

  private:
    struct Core;
    std::shared_ptr<Core> core_;  ///< Shared with what runs.
};

}  // namespace switchyard::cloud
