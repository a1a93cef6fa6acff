#pragma once

#include "integration/harness.hpp"
#include "support/fake_digitalocean.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

/// What the tests of the reserved IP share: a front door whose IP is kept by the fake API.
namespace switchyard::test {

class ReservedIpTest : public FrontDoor {
  protected:
    static constexpr std::uint64_t kBlue = FakeDigitalOcean::kBlue;
    static constexpr std::uint64_t kGreen = FakeDigitalOcean::kGreen;
    static constexpr std::uint64_t kOther = FakeDigitalOcean::kOther;

    ReservedIpTest() { token_.write("token", std::string(FakeDigitalOcean::kToken) + "\n"); }

    /// Quick intervals: what takes seconds and minutes in the product takes milliseconds here.
    [[nodiscard]] std::string ip_config(std::string_view more = {},
                                        std::string_view drift_interval = "50ms") {
        std::string yaml = config();
        const auto droplet = [&yaml](const std::string& address, std::uint64_t id) {
            const std::string line = "[\"" + address + "\"]\n";
            yaml.insert(yaml.find(line) + line.size(),
                        "        droplet_id: " + std::to_string(id) + "\n");
        };
        droplet(origin(Colour::blue).address(), kBlue);
        droplet(origin(Colour::green).address(), kGreen);
        yaml += "reserved_ip:\n  provider: digitalocean\n  follows: app\n";
        yaml += "  address: " + std::string(FakeDigitalOcean::kIp) + "\n";
        yaml += "  token_file: " + token_.file("token") + "\n";
        yaml += "  api: \"" + api().url() + "\"\n";
        yaml += "  drift_interval: " + std::string(drift_interval) + "\n";
        yaml +=
            "  poll_interval: 20ms\n"
            "  retry: {first: 20ms, longest: 80ms, refused: 100ms}\n";
        return yaml.append(more);
    }

    /// Starts with the IP at blue, where it should be, and waits until that was seen.
    void start_following(std::string_view more = {}, std::string_view drift_interval = "50ms") {
        start(ip_config(more, drift_interval));
        ASSERT_TRUE(follows(1)) << show();
    }

    [[nodiscard]] virtual const FakeDigitalOcean& api() const { return api_; }
    [[nodiscard]] const TempDir& token_dir() const { return token_; }

    /// The object reserved_ip of the admin API, and what it says.
    [[nodiscard]] boost::json::value ip() const {
        return admin().get("/v1/reserved_ip").json().at("reserved_ip");
    }
    [[nodiscard]] std::string state() const { return std::string(ip().at("state").as_string()); }
    [[nodiscard]] std::string show() const { return boost::json::serialize(ip()); }

    /// Waits until the daemon has seen the IP follow this epoch.
    [[nodiscard]] bool follows(std::uint64_t epoch) const {
        return eventually([&] {
            return admin()
                .get("/v1/reserved_ip?wait_ms=500&epoch=" + std::to_string(epoch))
                .json()
                .at("followed")
                .as_bool();
        });
    }
    [[nodiscard]] bool becomes(std::string_view wanted) const {
        return eventually([&] { return state() == wanted; });
    }
    /// Waits until the fake was looked at so many times more: whatever was to happen did.
    [[nodiscard]] bool looked_at(std::size_t times, std::string_view what = "get_ip") const {
        const std::size_t before = api().count(what);
        return eventually([&] { return api().count(what) >= before + times; });
    }
    /// The log has a line with this text.
    [[nodiscard]] bool logged(std::string_view text) {
        return eventually([&] { return daemon().log().find(text) != std::string::npos; });
    }

    /// Switches to green with one scripted fault; in the end the IP is at green, with `posts`
    /// moves.
    void expect_move(std::string_view fault, std::size_t posts) {
        SCOPED_TRACE(fault);
        if (std::exchange(moved_before_, true)) daemon().kill();  // it would fight for its own IP
        api().reset(kBlue);
        start_following();
        if (!fault.empty()) api().fault(fault);
        switch_to(Colour::green);
        ASSERT_TRUE(follows(2)) << show();
        EXPECT_EQ(api().holder(), kGreen);
        ASSERT_TRUE(looked_at(3));  // and it stays so
        EXPECT_EQ(api().holder(), kGreen);
        EXPECT_EQ(api().count("assign"), posts) << boost::json::serialize(api().requests());
        EXPECT_EQ(state(), "following");
    }

  private:
    TempDir token_;
    FakeDigitalOcean api_;
    bool moved_before_ = false;
};

}  // namespace switchyard::test
