#pragma once

#include "support/admin_client.hpp"
#include "support/certificates.hpp"
#include "support/client.hpp"
#include "support/daemon.hpp"
#include "support/deadline.hpp"
#include "support/origin_process.hpp"
#include "support/pattern.hpp"
#include "support/process.hpp"
#include "support/response.hpp"
#include "support/temp_dir.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

/// What integration and contract tests start with: two real origins behind a real daemon.
namespace switchyard::test {

/// One service "app" with a blue and a green origin, blue being live, on one plain listener. The
/// daemon is started by start(), so that a test can say first how it wants it.
class FrontDoor : public testing::Test {
  protected:
    /// The configuration: a plain listener on port 0, the service, quick health checks on /up.
    /// `service` is added to the service (lines indented by four blanks), `top` to the file.
    [[nodiscard]] std::string config(std::string_view service = {},
                                     std::string_view top = {}) const;

    /// Starts the daemon and waits until both slots are healthy.
    void start() { start(config()); }
    void start(const std::string& yaml);

    [[nodiscard]] Daemon& daemon() { return *daemon_; }
    [[nodiscard]] OriginProcess& origin(Colour colour) {
        return colour == Colour::blue ? blue_ : green_;
    }
    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] AdminClient admin() const { return daemon_->admin(); }

    /// A new client connection to the first listener.
    [[nodiscard]] Client connect() const { return Client(address_); }
    [[nodiscard]] Response get(std::string_view target, const Fields& fields = {}) const {
        return test::get(address_, target, fields);
    }

    /// Switches and returns once it is acknowledged (not drained); fails the test if refused.
    void switch_to(Colour colour, std::string_view more = {});

    /// The daemon goes and comes back with the same state, on a new port.
    void restart();

  private:
    OriginProcess blue_{Colour::blue, {.name = "blue-origin"}};
    OriginProcess green_{Colour::green, {.name = "green-origin"}};
    std::unique_ptr<Daemon> daemon_;
    std::string address_;
};

/// The colour of the origin that answered, as it says itself; empty if the proxy answered.
std::string colour_of(const Response& response);

}  // namespace switchyard::test
