// A request that is held, and belongs to another service when it is let go.
#include "integration/contract.hpp"
#include "integration/metrics_page.hpp"

namespace switchyard::test {
namespace {

class HoldOverReload : public testing::Test {
  protected:
    /// Two services; `a_hosts` and `b_hosts` as lists in brackets.
    [[nodiscard]] std::string config(std::string_view a_hosts, std::string_view b_hosts) const {
        return "listeners:\n  - address: \"127.0.0.1:0\"\n"
               "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\nservices:\n" +
               service("a", a_hosts, a_.address()) + service("b", b_hosts, b_.address());
    }
    [[nodiscard]] static std::string service(std::string_view name, std::string_view hosts,
                                             std::string_view target) {
        return "  " + std::string(name) + ":\n    hosts: " + std::string(hosts) +
               "\n    slots: {blue: {targets: [\"" + std::string(target) + "\"]}}\n";
    }
    void hold(std::string_view service) const {
        const auto answer = daemon_->admin().post("/v1/services/" + std::string(service) + "/hold",
                                                  R"({"wait":false,"max_ms":60000})");
        ASSERT_EQ(answer.status, 200) << answer.response.body;
    }
    [[nodiscard]] boost::json::value release(std::string_view service) const {
        const auto answer =
            daemon_->admin().post("/v1/services/" + std::string(service) + "/release");
        EXPECT_EQ(answer.status, 200) << answer.response.body;
        return answer.json();
    }
    [[nodiscard]] double held(std::string_view service) const {
        const auto status = daemon_->admin().get("/v1/status").json();
        const auto address = std::string(status.at("metrics_address").as_string());
        return MetricsPage(test::get(address, "/metrics").body)
            .value("switchyard_held_requests", {{"service", std::string(service)}});
    }

    OriginProcess a_{Colour::blue, {.name = "origin-a"}};
    OriginProcess b_{Colour::green, {.name = "origin-b"}};
    std::unique_ptr<Daemon> daemon_;
};

TEST_F(HoldOverReload, C15_APlaceBelongsToTheQueueThatGaveIt) {
    daemon_ = std::make_unique<Daemon>(config("[a.example]", "[b.example]"));
    daemon_->start();
    hold("a");
    hold("b");
    Client client(daemon_->address());
    client.send(request_text("GET", "/", {}, "a.example"));
    ASSERT_TRUE(eventually([&] { return held("a") == 1; }));
    daemon_->write_config(config("[c.example]", "[b.example, a.example]"));
    const auto reloaded = daemon_->admin().post("/v1/reload");
    ASSERT_EQ(reloaded.status, 200) << reloaded.response.body;

    // It is let go here, and waits there.
    const auto first = release("a");
    EXPECT_EQ(number(first, "released"), 1) << boost::json::serialize(first);
    EXPECT_EQ(number(first, "remaining"), 0);
    EXPECT_LT(number(first, "elapsed_ms"), 60'000);
    EXPECT_TRUE(eventually([&] { return held("b") == 1; }));
    EXPECT_EQ(held("a"), 0);
    EXPECT_TRUE(client.quiet_for(50ms));

    const auto second = release("b");
    EXPECT_EQ(number(second, "released"), 1) << boost::json::serialize(second);
    const auto response = read_response(client);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "green origin-b\n");
    EXPECT_EQ(held("a"), 0);
    EXPECT_EQ(held("b"), 0);
}

}  // namespace
}  // namespace switchyard::test
