// Reload: listeners come, go and change, and the connections of the others don't feel it.
#include "integration/harness.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

/// Another program on this machine that has a port.
class Neighbour {
  public:
    [[nodiscard]] std::string address() const { return origin_->address(); }
    void leave() { origin_.reset(); }

  private:
    std::unique_ptr<OriginProcess> origin_ = std::make_unique<OriginProcess>(Colour::blue);
};

class ReloadListeners : public FrontDoor {
  protected:
    /// The configuration with these listeners instead of the usual one.
    [[nodiscard]] std::string with_listeners(const std::string& listeners) const {
        auto yaml = config();
        return yaml.replace(0, yaml.find("services:"), "listeners:\n" + listeners);
    }
    [[nodiscard]] AdminAnswer reload(const std::string& yaml) {
        daemon().write_config(yaml);
        return admin().post("/v1/reload");
    }
    [[nodiscard]] std::size_t listeners() const {
        return admin().get("/v1/status").json().at("listeners").as_array().size();
    }

    static constexpr const char* kFirst = "  - address: \"127.0.0.1:0\"\n";
    static constexpr const char* kSecond = "  - address: \"127.0.0.2:0\"\n";
};

TEST_F(ReloadListeners, OneIsAddedAndRemovedAgain) {
    start();
    auto client = connect();
    ASSERT_EQ(exchange(client, "GET", "/").status, 200);

    const auto added = reload(with_listeners(std::string(kFirst) + kSecond));
    ASSERT_EQ(added.status, 200) << added.response.body;
    EXPECT_NE(added.response.body.find("listener 127.0.0.2:0 added"), std::string::npos);
    EXPECT_EQ(daemon().address(0), address()) << "the first one keeps its socket";
    const auto second = daemon().address(1);
    auto theirs = Client(second);
    EXPECT_EQ(exchange(theirs, "GET", "/").status, 200);
    auto busy = Client(second);
    busy.send(request_text("GET", "/sleep?ms=300"));
    ASSERT_TRUE(eventually([this] {
        return origin(Colour::blue).books("/sleep").at("in_flight").to_number<int>() == 1;
    }));

    const auto removed = reload(with_listeners(kFirst));
    EXPECT_NE(removed.response.body.find("listener 127.0.0.2:0 removed"), std::string::npos);
    EXPECT_EQ(listeners(), 1u);
    EXPECT_TRUE(eventually([&] {
        try {
            const Client late(second);
            return false;
        } catch (const ClientError&) {
            return true;
        }
    })) << "it still takes connections";
    // What it had accepted goes on.
    EXPECT_EQ(read_response(busy).status, 200);
    EXPECT_EQ(exchange(theirs, "GET", "/").status, 200);
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
}

TEST_F(ReloadListeners, SeveralOnAnyPortAreToldApart) {
    const TestCertificates certificates;
    start(with_listeners(std::string(kFirst) + kFirst + certificates.listener()));
    const auto facts = admin().get("/v1/status").json().at("listeners");
    ASSERT_EQ(facts.as_array().size(), 3u);
    EXPECT_FALSE(facts.at(0).at("tls").as_bool());
    EXPECT_FALSE(facts.at(1).at("tls").as_bool());
    EXPECT_TRUE(facts.at(2).at("tls").as_bool()) << "in the order of the file";
    for (const std::size_t listener : {0U, 1U}) {
        auto client = Client(daemon().address(listener));
        EXPECT_EQ(exchange(client, "GET", "/").status, 200) << listener;
    }
    auto client =
        Client(daemon().address(2),
               TlsOptions{.server_name = "localhost", .ca_file = certificates.ca(), .alpn = {}});
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
}

TEST_F(ReloadListeners, OneIsWidenedToAllAddresses) {
    const std::string port = [] {
        Neighbour neighbour;  // Had this port a moment ago: it is free.
        return neighbour.address().substr(neighbour.address().rfind(':'));
    }();
    start(with_listeners("  - address: \"127.0.0.1" + port + "\"\n"));
    auto client = connect();
    ASSERT_EQ(exchange(client, "GET", "/").status, 200);
    for (const char* address : {"0.0.0.0", "127.0.0.1"}) {
        const auto answer =
            reload(with_listeners("  - address: \"" + std::string(address) + port + "\"\n"));
        ASSERT_EQ(answer.status, 200) << answer.response.body;
        auto fresh = Client("127.0.0.1" + port);
        EXPECT_EQ(exchange(fresh, "GET", "/").status, 200);
        EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    }
}

TEST_F(ReloadListeners, ABusyAddressRefusesTheWholeReload) {
    start();
    Neighbour neighbour;
    const auto busy = neighbour.address();
    auto yaml = with_listeners(std::string(kFirst) + "  - address: \"" + busy + "\"\n");
    yaml += "via: elsewhere\n";
    const auto answer = reload(yaml);
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.error_code(), "invalid_config");
    EXPECT_NE(answer.response.body.find(busy), std::string::npos);
    EXPECT_EQ(listeners(), 1u);
    EXPECT_EQ(get("/").field("Via"), "1.1 switchyard") << "nothing of it is in force";
    neighbour.leave();
    EXPECT_EQ(reload(yaml).status, 200);
    EXPECT_EQ(listeners(), 2u);
    EXPECT_EQ(get("/").field("Via"), "1.1 elsewhere");
}

TEST_F(ReloadListeners, APlainOneBecomesTlsForNewConnections) {
    const TestCertificates certificates;
    start();
    auto old = connect();
    ASSERT_EQ(exchange(old, "GET", "/").status, 200);
    const auto answer = reload(with_listeners(certificates.listener()));
    ASSERT_EQ(answer.status, 200) << answer.response.body;
    EXPECT_NE(answer.response.body.find("listener 127.0.0.1:0 changed"), std::string::npos);
    EXPECT_EQ(daemon().address(0), address());
    ASSERT_TRUE(eventually([&] {
        try {
            auto client = Client(
                address(),
                TlsOptions{.server_name = "localhost", .ca_file = certificates.ca(), .alpn = {}});
            return exchange(client, "GET", "/").status == 200;
        } catch (const ClientError&) {
            return false;
        }
    }));
    EXPECT_EQ(exchange(old, "GET", "/").status, 200);
}

TEST_F(ReloadListeners, OneBecomesARedirect) {
    start();
    auto old = connect();
    ASSERT_EQ(exchange(old, "GET", "/").status, 200);
    ASSERT_EQ(
        reload(with_listeners("  - {address: \"127.0.0.1:0\", redirect_to_https: true}\n")).status,
        200);
    EXPECT_TRUE(eventually([this] { return get("/").status == 301; }));
    EXPECT_EQ(exchange(old, "GET", "/").status, 200) << "of a connection from before";
}

}  // namespace
}  // namespace switchyard::test
