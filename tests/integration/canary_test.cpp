// Canaries over the real daemon, with clients that speak HTTP/1.1 and HTTP/2, plain and over TLS.
#include "conformance/h2_wire.hpp"
#include "integration/metrics_page.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace switchyard::test {
namespace {

using Ids = std::set<int>;

std::int64_t number(const boost::json::value& object, std::string_view key) {
    return object.at(key).to_number<std::int64_t>();
}

constexpr int kClients = 300;

class Canary : public H2Wire {
  protected:
    static constexpr std::string_view kByHeader =
        "    canary: {stick: header, header: X-User-Id}\n";
    static constexpr std::string_view kByCookie = "    canary: {}\n";

    [[nodiscard]] AdminAnswer canary(std::string_view percent, std::string_view more = {}) const {
        std::string body = "{\"percent\":" + std::string(percent);
        if (!more.empty()) body.append(",").append(more);
        return admin().post("/v1/services/app/canary", body + "}");
    }
    void set_share(std::string_view percent, std::string_view more = {}) const {
        const auto answer = canary(percent, more);
        ASSERT_EQ(answer.status, 200) << answer.response.body;
    }
    [[nodiscard]] boost::json::value shown() const { return admin().service("app").at("canary"); }

    /// All that was answered is in the books. (An answer is out a moment before it is counted.)
    void settle() const {
        EXPECT_TRUE(eventually([&] {
            const auto service = admin().service("app");
            const auto& slots = service.at("slots");
            return number(slots.at("blue").at("books"), "in_flight") == 0 &&
                   number(slots.at("green").at("books"), "in_flight") == 0;
        }));
    }

    /// Which of the known clients are on green; every second one asks over HTTP/2.
    [[nodiscard]] Ids on_green() const {
        Ids found;
        auto h1 = connect();
        auto h2 = come_in();
        for (int id = 0; id < kClients; ++id) {
            const std::string user = "user-" + std::to_string(id);
            const Response answer = id % 2 == 0 ? exchange(h1, "GET", "/", {{"X-User-Id", user}})
                                                : h2.exchange("GET", "/", {{"x-user-id", user}});
            EXPECT_EQ(answer.status, 200);
            const auto colour = colour_of(answer);
            EXPECT_TRUE(colour == "blue" || colour == "green");
            EXPECT_EQ(answer.field("x-served-by"), colour);
            EXPECT_FALSE(answer.field("set-cookie"));
            if (colour == "green") found.insert(id);
        }
        return found;
    }
    static bool includes(const Ids& all, const Ids& some) {
        return std::includes(all.begin(), all.end(), some.begin(), some.end());
    }
    static std::string cookie_of(const Response& response) {
        const auto field = response.field("set-cookie").value_or("");
        return field.substr(0, field.find(';'));
    }
    /// A client without a cookie that was put on this side.
    [[nodiscard]] std::string drawn(Colour side) const {
        for (int i = 0; i < 400; ++i) {
            const auto answer = get("/");
            if (colour_of(answer) == to_string(side)) return cookie_of(answer);
        }
        return "nobody was drawn";
    }
};
INSTANTIATE_TEST_SUITE_P(Over, Canary, both_transports(), transport_name);

TEST_P(Canary, C16_AShareOfTheClientsGoesThereAndStaysThere) {
    start_wire(kByHeader);
    EXPECT_TRUE(on_green().empty());
    set_share("20");
    const auto first = on_green();
    // 20 % of 300: 60, five standard deviations of 7 to either side.
    EXPECT_NEAR(static_cast<double>(first.size()), 60, 35);
    EXPECT_EQ(on_green(), first);
    set_share("45.5");
    const auto more = on_green();
    EXPECT_TRUE(includes(more, first)) << "a greater share moved somebody back";
    EXPECT_GT(more.size(), first.size());
    set_share("20");
    EXPECT_EQ(on_green(), first) << "a smaller one moved more than it had to";
    set_share("100");
    EXPECT_EQ(on_green().size(), static_cast<std::size_t>(kClients));
    EXPECT_EQ(shown().at("verdict").at("state"), "nothing_to_compare");
    // Who is not told by the header stays on live.
    EXPECT_EQ(colour_of(get("/")), "blue");
    set_share("0");
    EXPECT_TRUE(on_green().empty());
    EXPECT_TRUE(shown().is_null());
}

TEST_P(Canary, C04_AKilledDaemonKeepsEverybodyOnTheirSide) {
    start_wire(kByHeader);
    set_share("20");
    const auto before = on_green();
    const auto epoch = number(admin().service("app"), "epoch");
    daemon().kill();
    restart_wire();
    EXPECT_EQ(number(admin().service("app"), "epoch"), epoch);
    EXPECT_EQ(shown().at("percent"), 20.0);
    EXPECT_EQ(on_green(), before);
    set_share("0", R"("wait":false)");
    daemon().kill();
    restart_wire();
    EXPECT_TRUE(on_green().empty());
    EXPECT_TRUE(shown().is_null());
}

TEST_P(Canary, C16_ACookieKeepsABrowserOnItsSide) {
    start_wire(kByCookie);
    EXPECT_FALSE(get("/").field("set-cookie")) << "no canary, no cookie";
    set_share("40");
    auto browser = come_in();
    const auto first = browser.exchange("GET", "/");
    const auto field = first.field("set-cookie").value_or("");
    EXPECT_EQ(field.rfind("switchyard_canary=v1.", 0), 0U) << field;
    for (const char* attribute : {"; Path=/", "; Max-Age=604800", "; HttpOnly", "; SameSite=Lax"})
        EXPECT_NE(field.find(attribute), std::string::npos) << field;
    EXPECT_EQ(field.find("; Secure") != std::string::npos, is_encrypted(GetParam()));
    EXPECT_EQ(first.field("cache-control"), "private");

    const std::string live = drawn(Colour::blue);
    const std::string on_canary = drawn(Colour::green);
    auto h1 = connect();
    for (int i = 0; i < 10; ++i) {
        const auto there = exchange(h1, "GET", "/", {{"Cookie", "a=1; " + on_canary}});
        EXPECT_EQ(colour_of(there), "green");
        EXPECT_FALSE(there.field("set-cookie")) << "it has one";
        EXPECT_FALSE(there.field("cache-control"));
        EXPECT_EQ(colour_of(browser.exchange("GET", "/", {{"cookie", "x=y"}, {"cookie", live}})),
                  "blue");
    }
    // A greater share moves the other way only, by the same cookie.
    set_share("100");
    EXPECT_EQ(colour_of(exchange(h1, "GET", "/", {{"Cookie", live}})), "green");
    set_share("40");
    EXPECT_EQ(colour_of(exchange(h1, "GET", "/", {{"Cookie", live}})), "blue");
    EXPECT_EQ(colour_of(exchange(h1, "GET", "/", {{"Cookie", on_canary}})), "green");
    daemon().kill();
    restart_wire();
    EXPECT_EQ(colour_of(get("/", {{"Cookie", live}})), "blue");
    EXPECT_EQ(colour_of(get("/", {{"Cookie", on_canary}})), "green");

    // A forged one is no cookie: its sender is drawn like anybody.
    std::string forged = on_canary;
    forged[forged.find('.') + 1] ^= 1;
    EXPECT_TRUE(get("/", {{"Cookie", forged}}).field("set-cookie"));

    // Of one that is over nothing is left, and a later one draws anew.
    set_share("0");
    EXPECT_EQ(colour_of(get("/", {{"Cookie", on_canary}})), "blue");
    set_share("1");
    const auto again = get("/", {{"Cookie", on_canary}});
    EXPECT_TRUE(again.field("set-cookie"));
}

TEST_P(Canary, TheCookieReachesNoApplicationAndNoSharedCache) {
    start_wire(kByCookie);
    set_share("40");
    const std::string mine = drawn(Colour::green);
    const auto seen_by = [&](const std::string& cookies) {
        return boost::json::serialize(boost::json::parse(get("/echo", {{"Cookie", cookies}}).body));
    };
    EXPECT_EQ(seen_by(mine).find("switchyard_canary"), std::string::npos);
    EXPECT_NE(seen_by("a=1; " + mine + "; b=2").find("a=1; b=2"), std::string::npos);
    const auto public_answer =
        get("/status?code=200&field=Cache-Control:%20public,%20max-age=60,%20s-maxage=600");
    EXPECT_TRUE(public_answer.field("set-cookie"));
    EXPECT_EQ(public_answer.field("cache-control"), "private, max-age=60");
    // With its cookie the client gets what the application says.
    const auto cached =
        get("/status?code=200&field=Cache-Control:%20public,%20max-age=60", {{"Cookie", mine}});
    EXPECT_EQ(cached.field("cache-control"), "public, max-age=60");
    set_share("0");
    EXPECT_EQ(seen_by(mine).find("switchyard_canary"), std::string::npos)
        << "browsers still send it";
}

TEST_P(Canary, C16_AnUnhealthyCanarysClientsAreServedByLiveAndReturn) {
    start_wire(std::string(kByHeader) + "    retries: 0\n");
    set_share("50");
    const auto mine = on_green();
    ASSERT_FALSE(mine.empty());
    AdminStream events(admin().socket(), "GET", "/v1/events?service=app");
    origin(Colour::green).set_health(500, "broken");
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    EXPECT_TRUE(on_green().empty());
    settle();
    EXPECT_FALSE(shown().at("healthy").as_bool());
    auto event = events.next_event("canary_health");
    EXPECT_FALSE(event.at("healthy").as_bool());
    EXPECT_EQ(event.at("slot"), "green");
    EXPECT_EQ(number(shown().at("sent_to_live"), "unhealthy"),
              static_cast<std::int64_t>(mine.size()));
    const auto refused = canary("60");
    EXPECT_EQ(refused.error_code(), "unhealthy_target");
    const auto run = daemon().cli({"canary", "app"});
    EXPECT_NE(run.out.find("NOT HEALTHY"), std::string::npos) << run.out;

    origin(Colour::green).set_health(200);
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green));
    event = events.next_event("canary_health");
    EXPECT_TRUE(event.at("healthy").as_bool());
    EXPECT_EQ(on_green(), mine);
}

TEST_P(Canary, C10_AConnectThatFailsIsTriedOnLive) {
    // Checks so rare that they see nothing of it.
    std::string yaml = config(std::string(kByHeader) + "    ejection: {failures: 0}\n");
    constexpr std::string_view kOften = "interval: 50ms";
    yaml.replace(yaml.find(kOften), kOften.size(), "interval: 60s");
    start_wire_as(yaml);
    set_share("50");
    const auto mine = on_green();
    origin(Colour::green).kill();
    // No health check has seen it yet, and nobody notices.
    EXPECT_TRUE(on_green().empty());
    settle();
    EXPECT_EQ(number(shown().at("sent_to_live"), "failed"), static_cast<std::int64_t>(mine.size()));
    const auto side = shown().at("canary");
    EXPECT_EQ(number(side, "errors"), static_cast<std::int64_t>(mine.size()))
        << "live's answers are no merit of the canary";
}

TEST_P(Canary, C18_TheBooksBalanceAndTheMetricsAgree) {
    start_wire(kByHeader, "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n");
    origin(Colour::blue).reset_books();
    origin(Colour::green).reset_books();
    set_share("30");
    const auto first = on_green();
    set_share("60");
    const auto second = on_green();
    set_share("0");
    const auto third = on_green();
    settle();
    const auto there = static_cast<std::int64_t>(first.size() + second.size());
    EXPECT_TRUE(third.empty());
    EXPECT_EQ(number(origin(Colour::green).books("/"), "answered"), there);
    EXPECT_EQ(number(origin(Colour::blue).books("/"), "answered"), 3 * kClients - there);
    const auto service = admin().service("app");
    for (const char* slot : {"blue", "green"}) {
        const auto& books = service.at("slots").at(slot).at("books");
        EXPECT_EQ(number(books, "accepted"), number(books, "completed"));
    }
    EXPECT_EQ(number(service.at("slots").at("green").at("books"), "completed"), there);
    const auto answer =
        test::get(std::string(admin().get("/v1/status").json().at("metrics_address").as_string()),
                  "/metrics");
    const MetricsPage page(answer.body);
    const std::string name = "switchyard_canary_requests_total";
    EXPECT_EQ(page.sum(name, {{"slot", "green"}}), there);
    EXPECT_EQ(page.value(name, {{"service", "app"}, {"slot", "green"}, {"reason", "sticky"}}),
              there);
    EXPECT_EQ(page.sum(name, {{"slot", "blue"}}), 2 * kClients - there);
    EXPECT_EQ(page.value("switchyard_canary_share_ratio", {{"service", "app"}}), 0);
}

TEST_P(Canary, C16_PromoteIsASwitchThatLosesNothing) {
    start_wire(kByHeader);
    set_share("50");
    const auto mine = on_green();
    auto upload = connect();  // of a client on blue, in flight over the change
    upload.send(request_text("POST", "/upload", {{"Content-Length", "10"}}) + "12345");
    ASSERT_TRUE(eventually(
        [&] { return number(origin(Colour::blue).books("/upload"), "in_flight") == 1; }));
    AdminStream stream(admin().socket(), "POST", "/v1/services/app/canary/promote", "{}");
    const auto committed = stream.next_event("committed");
    EXPECT_EQ(committed.at("action"), "promote");
    EXPECT_EQ(committed.at("to"), "green");
    EXPECT_EQ(committed.at("canary_ended"), "50%");
    EXPECT_EQ(on_green().size(), static_cast<std::size_t>(kClients));
    upload.send("67890");
    EXPECT_EQ(read_response(upload, "POST").status, 200);
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(number(drained, "completed"), 1);
    EXPECT_EQ(number(drained, "cut"), 0);
    EXPECT_TRUE(shown().is_null());
    const auto run = daemon().cli({"history", "app"});
    EXPECT_NE(run.out.find("promote"), std::string::npos) << run.out;
    EXPECT_NE(run.out.find("canary 50%"), std::string::npos) << run.out;
}

TEST_P(Canary, OffLetsFinishWhatIsInFlight) {
    start_wire(kByHeader);
    set_share("100");
    auto upload = connect();
    upload.send(
        request_text("POST", "/upload", {{"Content-Length", "10"}, {"X-User-Id", "user-1"}}) +
        "12345");
    ASSERT_TRUE(eventually(
        [&] { return number(origin(Colour::green).books("/upload"), "in_flight") == 1; }));
    AdminStream stream(admin().socket(), "POST", "/v1/services/app/canary", R"({"percent":0})");
    const auto changed = stream.next_event("canary");
    EXPECT_EQ(changed.at("action"), "off");
    EXPECT_EQ(number(changed, "in_flight"), 1);
    EXPECT_TRUE(on_green().empty());
    upload.send("67890");
    const auto answer = read_response(upload, "POST");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(boost::json::parse(answer.body).at("colour"), "green");
    EXPECT_EQ(number(stream.next_event("drained"), "completed"), 1);
}

TEST_P(Canary, C15_AHoldAndMaintenanceAreForBothSides) {
    start_wire(kByHeader);
    set_share("100");
    const auto held = admin().post("/v1/services/app/hold", R"({"wait":false,"max_ms":60000})");
    ASSERT_EQ(held.status, 200);
    auto client = connect();
    client.send(request_text("GET", "/", {{"X-User-Id", "user-1"}}));
    ASSERT_TRUE(eventually([&] {
        const auto hold = admin().service("app").at("hold");
        return hold.is_object() && number(hold, "held") == 1;
    }));
    // While it waits the canary ends: it is decided anew.
    set_share("0");
    ASSERT_EQ(admin().post("/v1/services/app/release").status, 200);
    EXPECT_EQ(colour_of(read_response(client)), "blue");
    set_share("100");
    ASSERT_EQ(admin().post("/v1/services/app/maintenance", R"({"on":true})").status, 200);
    EXPECT_EQ(get("/", {{"X-User-Id", "user-1"}}).status, 503);
}

TEST_P(Canary, C16_APreviewComesBeforeACanary) {
    start_wire(std::string(kByHeader) + "    preview: {}\n");
    set_share("0.01");
    const Fields pass{{"X-Switchyard-Preview", "idle"}, {"X-User-Id", "user-1"}};
    const auto seen = get("/", pass);
    settle();
    EXPECT_EQ(colour_of(seen), "green");
    EXPECT_EQ(seen.field("x-served-by"), "green; preview");
    EXPECT_EQ(number(shown().at("canary"), "answers"), 0) << "a preview is no canary's client";
}

TEST_P(Canary, TheCommandShowsBothSidesAndFindsABadRelease) {
    start_wire(std::string(kByHeader) + "    retries: 0\n");
    auto run = daemon().cli({"canary", "app"});
    EXPECT_EQ(run.exit.code, 0);
    EXPECT_NE(run.out.find("no canary runs"), std::string::npos) << run.out;
    run = daemon().cli({"canary", "app", "25%"});
    EXPECT_EQ(run.exit.code, 0) << run.err;
    EXPECT_NE(run.out.find("25% of the clients go to green"), std::string::npos) << run.out;
    EXPECT_EQ(daemon().cli({"canary", "app", "25"}).exit.code, 0) << "what is so already is done";
    // Green answers 503 to everything but its health check.
    auto h1 = connect();
    for (int i = 0; i < 800; ++i) {
        const std::string user = "customer-" + std::to_string(i % 400);
        const Fields fields{{"X-User-Id", user}};
        const bool green = exchange(h1, "GET", "/", fields).field("x-served-by") == "green";
        if (green) exchange(h1, "GET", "/status?code=503", fields);
    }
    ASSERT_TRUE(eventually([&] { return shown().at("verdict").at("state") == "differs"; }));
    run = daemon().cli({"status", "app"});
    EXPECT_NE(run.out.find("CANARY 25% of the clients on green"), std::string::npos) << run.out;
    EXPECT_NE(run.out.find("MORE ERRORS on the canary"), std::string::npos) << run.out;
    run = daemon().cli({"canary", "app", "off"});
    EXPECT_EQ(run.exit.code, 0) << run.err;
    EXPECT_NE(run.out.find("all clients go to blue"), std::string::npos) << run.out;
    EXPECT_NE(run.out.find("drained"), std::string::npos) << run.out;
    EXPECT_EQ(daemon().cli({"canary", "app", "off"}).exit.code, 0);
    EXPECT_EQ(daemon().cli({"canary", "app", "promote"}).exit.code, 1);
    EXPECT_EQ(daemon().cli({"canary", "app", "101%"}).exit.code, 2);
    EXPECT_EQ(daemon().cli({"canary", "app", "0%"}).exit.code, 2);
}

}  // namespace
}  // namespace switchyard::test
