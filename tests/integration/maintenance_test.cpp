// Maintenance: who gets the page, who does not, what it says, and that it survives.
#include "integration/contract.hpp"

#include <fstream>

namespace switchyard::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Over, SwitchContract, all_transports(), transport_name);

TEST_P(SwitchContract, MaintenanceAnswersNewRequestsAndLetsThoseUnderWayEnd) {
    start_over_transport();
    auto upload = hold(Colour::blue);
    auto client = visit();
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
    maintain(true, R"(,"message":"Back at <noon> & \"sharp\"","retry_after_s":90)");
    const auto page = client.exchange("GET", "/");
    EXPECT_EQ(page.status, 503);
    EXPECT_EQ(page.field("X-Switchyard-Error"), "maintenance");
    EXPECT_EQ(page.field("Retry-After"), "90");
    EXPECT_EQ(page.field("Cache-Control"), "no-store");
    EXPECT_EQ(page.field("Content-Type"), "text/html; charset=utf-8");
    EXPECT_NE(page.body.find("Back at &lt;noon&gt; &amp; &quot;sharp&quot;"), std::string::npos);
    EXPECT_EQ(page.body.find("<noon>"), std::string::npos);
    const auto json = client.exchange("GET", "/", {{"Accept", "application/json"}});
    EXPECT_EQ(json.status, 503);
    const auto error = boost::json::parse(json.body).at("error");
    EXPECT_EQ(error.at("code").as_string(), "maintenance");
    EXPECT_EQ(error.at("message").as_string(), "Back at <noon> & \"sharp\"");
    EXPECT_EQ(error.at("request_id").as_string(), json.field("X-Request-Id").value_or(""));
    EXPECT_EQ(client.exchange("HEAD", "/").body, "");
    EXPECT_EQ(client.exchange("POST", "/upload", {}, std::string(5'000, 'x')).status, 503);
    EXPECT_EQ(client.exchange("GET", "/server_info").body, "blue");

    EXPECT_EQ(colour_of_upload(finish(upload)), "blue");
    // The client has its answer a moment before the books do.
    EXPECT_TRUE(
        eventually([&] { return number(admin().service("app").at("books"), "completed") == 2; }));
    const auto service = admin().service("app");
    EXPECT_EQ(service.at("maintenance").at("message").as_string(), "Back at <noon> & \"sharp\"");
    EXPECT_EQ(started(Colour::blue, "/"), 1);

    maintain(false);
    EXPECT_EQ(colour_of(client.exchange("GET", "/")), "blue");
    EXPECT_TRUE(admin().service("app").at("maintenance").is_null());
    // C18: the pages were refusals, and reached no slot.
    EXPECT_TRUE(eventually(
        [&] { return number(admin().get("/v1/status").json().at("unrouted"), "refused") == 4; }));
}

TEST_P(SwitchContract, MaintenanceSurvivesKill9AndASwitch) {
    start_over_transport();
    maintain(true, R"(,"message":"soon")");
    switch_to(Colour::green);
    EXPECT_EQ(get("/").status, 503);
    restart();
    const auto page = get("/");
    EXPECT_EQ(page.status, 503);
    EXPECT_NE(page.body.find("soon"), std::string::npos);
    EXPECT_EQ(page.field("Retry-After"), "60");
    maintain(false);
    EXPECT_EQ(colour_of(get("/")), "green");
    restart();
    EXPECT_EQ(colour_of(get("/")), "green");
}

TEST_P(SwitchContract, MaintenanceDuringAHoldTurnsThoseAwayWhoWait) {
    start_over_transport();
    hold_service();
    std::vector<Visitor> waiting;
    for (int i = 0; i < 5; ++i)
        waiting.push_back(knock());
    maintain(true);
    for (auto& client : waiting) {
        const auto page = client.answer();
        EXPECT_EQ(page.status, 503);
        EXPECT_EQ(page.field("X-Switchyard-Error"), "maintenance");
    }
    EXPECT_TRUE(eventually([&] { return admin().service("app").at("hold").is_null(); }));
    EXPECT_EQ(admin().post("/v1/services/app/hold").error_code(), "in_maintenance");
    EXPECT_EQ(started(Colour::blue, "/"), 0);
    maintain(false);
    EXPECT_EQ(colour_of(waiting.front().exchange("GET", "/")), "blue");
}

TEST_P(SwitchContract, MaintenanceShowsAPageOfItsOwn) {
    TempDir dir;
    const auto file = dir.file("maintenance.html");
    std::ofstream(file) << "<p>{{message}} ({{retry_after}} s, {{status}} {{code}})</p>";
    start_over_transport(config("    maintenance: {page: \"" + file + "\", retry_after: 2m}\n"));
    maintain(true, R"(,"message":"{{code}} stays")");
    EXPECT_EQ(get("/").body, "<p>{{code}} stays (120 s, 503 maintenance)</p>");
    // A new page is there with the next reload.
    std::ofstream(file, std::ios::trunc) << "new: {{message}}";
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    EXPECT_EQ(get("/").body, "new: {{code}} stays");
}

}  // namespace
}  // namespace switchyard::test
