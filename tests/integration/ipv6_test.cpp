// A listener on an IPv6 address: what the log, the application and the commands see of it.
#include "integration/harness.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

bool has_ipv6() {
    const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_addr = in6addr_loopback;
    const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
    ::close(fd);
    return bound;
}

class Ipv6 : public FrontDoor {
  protected:
    void SetUp() override {
        if (!has_ipv6()) GTEST_SKIP() << "this machine has no ::1";
    }
    /// A plain listener on this address after the usual one, and an access log.
    [[nodiscard]] std::string yaml(std::string_view top = {}, std::string_view at = "[::1]") const {
        auto text = config({}, "access_log: {path: \"${DIR}/access.log\"}\n" + std::string(top));
        text.insert(text.find("services:"), "  - address: \"" + std::string(at) + ":0\"\n");
        return text;
    }
    void start_both(std::string_view top = {}) { start(yaml(top)); }
    [[nodiscard]] std::string port() {
        return daemon().address(1).substr(daemon().address(1).rfind(':'));
    }
    [[nodiscard]] Client come_in() { return Client("[::1]" + port()); }

    /// The field of the only line of the access log.
    [[nodiscard]] std::string logged(std::string_view field) {
        const auto file = daemon().dir().file("access.log");
        EXPECT_TRUE(eventually([&] { return read_file(file).ends_with('\n'); }));
        const auto line = boost::json::parse(read_file(file));
        return std::string(line.at(field).as_string());
    }
    /// A field of a request as the origin got it; "-" if it is not there exactly once.
    static std::string seen(const Response& echo, std::string_view name) {
        std::string value = "-";
        int count = 0;
        const auto json = boost::json::parse(echo.body);
        for (const auto& field : json.at("headers").as_array()) {
            if (std::string_view(field.at(0).as_string()) != name) continue;
            value = std::string(field.at(1).as_string());
            ++count;
        }
        return count == 1 ? value : "-";
    }
};

TEST_F(Ipv6, AClientIsNamedByItsAddressWithoutBrackets) {
    start_both();
    auto client = come_in();
    const auto response = exchange(client, "GET", "/echo", {}, {});
    ASSERT_EQ(response.status, 200);
    EXPECT_EQ(seen(response, "X-Forwarded-For"), "::1");
    EXPECT_EQ(logged("client"), "::1");
}

TEST_F(Ipv6, AHostWithAnAddressIsTakenApartRightly) {
    start_both();
    auto client = come_in();
    const auto host = daemon().address(1);
    client.send(request_text("GET", "/echo", {}, host));
    const auto response = read_response(client);
    ASSERT_EQ(response.status, 200);
    EXPECT_EQ(seen(response, "X-Forwarded-Host"), host);
    EXPECT_EQ(logged("host"), host);
}

TEST_F(Ipv6, ATrustedProxyIsBelieved) {
    start_both("trusted_proxies: [\"::1\"]\n");
    auto client = come_in();
    const auto response =
        exchange(client, "GET", "/echo", {{"X-Forwarded-For", "2001:db8::7"}}, {});
    EXPECT_EQ(seen(response, "X-Forwarded-For"), "2001:db8::7, ::1");
    EXPECT_EQ(logged("client"), "2001:db8::7");
}

TEST_F(Ipv6, AnyAddressDoesNotTakeThoseOfIpv4) {
    // [::]:PORT and 0.0.0.0:PORT are two listeners, not one that has both.
    start(yaml({}, "[::]"));
    auto client = come_in();
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    EXPECT_THROW(Client("127.0.0.1" + port()), ClientError);
    EXPECT_EQ(get("/").status, 200) << "on the other listener";
    const auto status = daemon().cli({"status"});
    EXPECT_NE(status.out.find("[::]" + port()), std::string::npos) << status.out;
}

TEST_F(Ipv6, AReloadTakesTheListenerAwayAndBringsItBack) {
    start_both();
    auto client = come_in();
    const auto gone = daemon().address(1);
    daemon().write_config(config({}, "access_log: {path: \"${DIR}/access.log\"}\n"));
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    EXPECT_TRUE(eventually([&] {
        try {
            const Client late(gone);
            return false;
        } catch (const ClientError&) {
            return true;
        }
    }));
    EXPECT_EQ(exchange(client, "GET", "/").status, 200) << "its connections stay";
    daemon().write_config(yaml());
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    auto again = come_in();
    EXPECT_EQ(exchange(again, "GET", "/").status, 200);
}

}  // namespace
}  // namespace switchyard::test
