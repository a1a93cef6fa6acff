// The preview of the idle slot: who gets in and how, what the application and caches see of it, and
// that it is not there for anybody else.
#include "integration/contract.hpp"
#include "integration/metrics_page.hpp"
#include "support/expression.hpp"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

const std::string kSecret = "integration-secret-integration-secret";
const std::string kOther = "another-secret-another-secret-another";

class Preview : public SwitchContract {
  protected:
    /// The service "app" with a preview; `more`: further keys of it. The secret lies in a folder of
    /// the test's own, since it has to be there before the daemon is.
    [[nodiscard]] std::string preview_config(std::string_view more = {},
                                             std::string_view top = {}) const {
        return config(
            "    preview: {secret_file: \"" + secret_file() + "\"" + std::string(more) + "}\n",
            std::string(top) + "access_log: {path: \"${DIR}/access.log\"}\n");
    }
    void start_preview(std::string_view more = {}, std::string_view top = {}) {
        write_secrets(kSecret);
        start_over_transport(preview_config(more, top));
    }

    [[nodiscard]] std::string secret_file() const { return secrets_.file("preview"); }
    void write_secrets(const std::string& lines) const {
        std::ofstream(secret_file()) << lines << "\n";
        ASSERT_EQ(::chmod(secret_file().c_str(), 0600), 0);
    }

    [[nodiscard]] boost::json::value ask(std::string_view body = {}) const {
        const auto answer = admin().post("/v1/services/app/preview", body);
        EXPECT_EQ(answer.status, 200) << answer.response.body;
        return answer.json();
    }
    [[nodiscard]] std::string pass(std::string_view body = {}) const {
        return std::string(ask(body).at("pass").as_string());
    }

    /// One request on a connection of its own.
    [[nodiscard]] Response come(std::string_view target, const Fields& fields = {},
                                std::string_view method = "GET") const {
        auto client = come_in();
        return exchange(client, method, target, fields);
    }
    [[nodiscard]] Response with_header(const std::string& text,
                                       std::string_view target = "/") const {
        return come(target, {{"X-Switchyard-Preview", text}});
    }
    [[nodiscard]] Response with_cookie(const std::string& text,
                                       std::string_view target = "/") const {
        return come(target, {{"Cookie", "switchyard_preview=" + text}});
    }
    [[nodiscard]] static std::string link(const std::string& text) {
        return "/?switchyard_preview=" + text;
    }

    /// What the origin got.
    static boost::json::object echoed(const Response& response) {
        EXPECT_EQ(response.status, 200) << response.body;
        return boost::json::parse(response.body).as_object();
    }

    /// A response as an outsider can compare it: without what differs each time.
    static std::string comparable(const Response& response) {
        std::string text = std::to_string(response.status) + " " + response.reason + "\n";
        for (const auto& [name, value] : response.fields) {
            if (name == "Date") continue;
            text += name + ": " + (name == "X-Request-Id" ? "" : value) + "\n";
        }
        return text + "\n" + replace_all(response.body, "[0-9a-f]{32}", "ID");
    }

    [[nodiscard]] std::vector<std::string> log_lines(std::size_t count) {
        std::vector<std::string> lines;
        EXPECT_TRUE(eventually([&] {
            lines.clear();
            std::istringstream text(read_file(daemon().dir().file("access.log")));
            for (std::string line; std::getline(text, line);)
                lines.push_back(line);
            return lines.size() >= count;
        }));
        return lines;
    }

  private:
    TempDir secrets_;
};

INSTANTIATE_TEST_SUITE_P(Over, Preview, http1_transports(), transport_name);

TEST_P(Preview, C16_FromTheLinkOverTheCookieToTheOtherSlotAfterASwitch) {
    start_preview();
    const auto answer = ask();
    const std::string pass(answer.at("pass").as_string());
    EXPECT_EQ(answer.at("slot").as_string(), "green");
    EXPECT_TRUE(answer.at("healthy").as_bool());
    const auto entered = come("/a?x=1&switchyard_preview=" + pass + "&y=%20");
    EXPECT_EQ(entered.status, 303);
    EXPECT_EQ(entered.field("Location"), "/a?x=1&y=%20");
    EXPECT_EQ(entered.field("Cache-Control"), "private, no-store");
    const auto cookie = entered.field("Set-Cookie").value_or("");
    const bool tls = GetParam() == Transport::tls;
    EXPECT_TRUE(matches(cookie, "switchyard_preview=" + pass +
                                    "; Path=/; Max-Age=(7200|719[0-9]); HttpOnly; SameSite=Lax" +
                                    (tls ? "; Secure" : "")))
        << cookie;
    EXPECT_EQ(in_flight(Colour::green, "/a"), 0);

    // As a browser comes back.
    auto browser = come_in();
    const auto visit = [&] {
        return exchange(browser, "GET", *entered.field("Location"),
                        {{"Cookie", "a=b; " + cookie.substr(0, cookie.find(';'))}});
    };
    EXPECT_EQ(colour_of(visit()), "green");
    EXPECT_EQ(colour_of(come("/a")), "blue");
    switch_to(Colour::green);
    EXPECT_EQ(colour_of(visit()), "blue") << "the preview means the slot that is idle now";
    EXPECT_EQ(colour_of(come("/a")), "green");
    EXPECT_EQ(colour_of(visit()), "blue");
}

TEST_P(Preview, AnswersAreMarkedAndNotToBeCached) {
    start_preview();
    const auto response =
        with_header(pass(), "/status?code=200&field=Cache-Control:%20public,%20max-age=60");
    EXPECT_EQ(response.field("X-Served-By"), "green; preview");
    EXPECT_EQ(response.field("Cache-Control"), "private, no-store");
    EXPECT_EQ(response.field("X-Robots-Tag"), "noindex");
    for (const std::string name : {"Expires", "CDN-Cache-Control", "Surrogate-Control"}) {
        const auto other = with_header(pass(), "/status?code=200&field=" + name + ":%201");
        EXPECT_FALSE(other.field(name)) << name;
        EXPECT_EQ(come("/status?code=200&field=" + name + ":%201").field(name), "1") << name;
    }
    const auto live = come("/status?code=200&field=Cache-Control:%20public,%20max-age=60");
    EXPECT_EQ(live.field("X-Served-By"), "blue");
    EXPECT_EQ(live.field("Cache-Control"), "public, max-age=60");
    EXPECT_FALSE(live.field("X-Robots-Tag"));
    EXPECT_EQ(with_header(pass(), "/server_info").body, "green");
    EXPECT_EQ(come("/server_info").body, "blue");
}

TEST_P(Preview, NothingOfItReachesTheApplication) {
    start_preview();
    const std::string good = pass();
    for (const std::string& text : {good, good + "x", std::string("idle"), std::string("off")}) {
        const auto request =
            echoed(come("/echo?a=1&switchyard_preview=" + text + "&b",
                        {{"X-Switchyard-Preview", good},
                         {"X_Switchyard_Preview", text},
                         {"Cookie", "a=1; switchyard_preview=" + text + "; b=\"2;\""},
                         {"Cookie", "switchyard_preview=" + text}},
                        "PUT"));
        const auto whole = boost::json::serialize(request);
        EXPECT_EQ(whole.find("preview"), std::string::npos) << whole;
        EXPECT_EQ(whole.find("Preview"), std::string::npos) << whole;
        EXPECT_NE(whole.find("a=1; b=\\\"2;\\\""), std::string::npos) << whole;
        EXPECT_NE(whole.find("/echo?a=1&b"), std::string::npos) << whole;
    }
}

TEST_P(Preview, TheApplicationSeesItWhereThatIsConfigured) {
    start_preview(", forward: true");
    const std::string good = pass();
    const auto whole = boost::json::serialize(echoed(
        come("/echo", {{"X-Switchyard-Preview", good}, {"Cookie", "switchyard_preview=" + good}})));
    EXPECT_NE(whole.find("X-Switchyard-Preview"), std::string::npos) << whole;
    EXPECT_NE(whole.find("switchyard_preview=" + good), std::string::npos) << whole;
}

TEST_P(Preview, ForOutsidersItIsNotThere) {
    start_preview();
    const std::string good = pass();
    std::string tampered = good;
    tampered.back() = tampered.back() == 'A' ? 'B' : 'A';
    const std::string expired = pass(R"({"for_ms":1000})");
    ASSERT_TRUE(eventually([&] { return colour_of(with_header(expired)) == "blue"; }));
    origin(Colour::green).reset_books();
    for (const std::string path : {"/", "/server_info", "/status?code=404"}) {
        const auto absent = comparable(come(path));
        const std::string and_more = path.find('?') == std::string::npos ? "?" : "&";
        for (const std::string& text : {tampered, expired, std::string("idle"), std::string("off"),
                                        std::string(), good.substr(1)}) {
            EXPECT_EQ(comparable(with_header(text, path)), absent) << text;
            EXPECT_EQ(comparable(with_cookie(text, path)), absent) << text;
            EXPECT_EQ(comparable(come(path + and_more + "switchyard_preview=" + text)), absent)
                << text;
        }
        EXPECT_NE(comparable(with_header(good, path)), absent);
    }
    EXPECT_EQ(number(origin(Colour::green).books("/"), "started"), 1)
        << "the one request with a good pass";
}

TEST_P(Preview, AHostOfItsOwnIsNotThereEither) {
    write_secrets(kSecret);
    auto yaml = preview_config(", host: preview.example");
    yaml.replace(yaml.find("\"*\""), 3, "\"shop.example\"");
    start_over_transport(yaml);
    const std::string good = pass();
    const auto at = [this](std::string_view host, const Fields& fields) {
        auto client = come_in();
        client.send(request_text("GET", "/", fields, host));
        return read_response(client);
    };
    const auto unknown = comparable(at("nowhere.example", {}));
    EXPECT_NE(unknown.find("404"), std::string::npos);
    EXPECT_EQ(comparable(at("preview.example", {})), unknown);
    EXPECT_EQ(comparable(at("preview.example", {{"X-Switchyard-Preview", good + "x"}})), unknown);
    EXPECT_EQ(colour_of(at("preview.example", {{"X-Switchyard-Preview", good}})), "green");
    EXPECT_EQ(colour_of(at("preview.example:8443", {{"Cookie", "switchyard_preview=" + good}})),
              "green");
    EXPECT_EQ(colour_of(at("shop.example", {{"X-Switchyard-Preview", good}})), "green");
    EXPECT_EQ(colour_of(at("shop.example", {})), "blue");
    EXPECT_TRUE(ask().at("link").as_string().find("//preview.example") != std::string::npos);
}

TEST_P(Preview, TheLinkLeadsNowhereElse) {
    start_preview();
    const std::string good = pass();
    const auto location = [&](const std::string& target) {
        return come(target + "?switchyard_preview=" + good).field("Location").value_or("none");
    };
    EXPECT_EQ(location("//evil.example/x"), "/.//evil.example/x");
    EXPECT_EQ(location("/\\evil.example"), "/./\\evil.example");
    EXPECT_EQ(location("/a//b"), "/a//b");
    // What is not a GET is not redirected, and gets where it wants to.
    const auto posted = come("/upload?switchyard_preview=" + good, {}, "POST");
    EXPECT_EQ(posted.status, 200);
    EXPECT_EQ(colour_of(posted), "green");
    EXPECT_EQ(come(link(good), {}, "HEAD").status, 303);
}

TEST_P(Preview, ALinkThatSaysOffEndsIt) {
    start_preview();
    const auto left =
        come("/b?switchyard_preview=off&c", {{"Cookie", "switchyard_preview=" + pass()}});
    EXPECT_EQ(left.status, 303);
    EXPECT_EQ(left.field("Location"), "/b?c");
    EXPECT_TRUE(left.field("Set-Cookie")
                    .value_or("")
                    .starts_with("switchyard_preview=; Path=/; Max-Age=0; "));
}

TEST_P(Preview, AnUnhealthyIdleSlotIsToldToThoseWhoMayKnow) {
    start_preview();
    const std::string good = pass();
    origin(Colour::green).set_health(500);
    ASSERT_TRUE(daemon().wait_healthy("app", Colour::green, false));
    const auto response = with_header(good);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "preview_unavailable");
    EXPECT_EQ(response.field("X-Served-By"), "green; preview");
    EXPECT_EQ(response.field("Cache-Control"), "private, no-store");
    EXPECT_NE(response.body.find("preview of the idle slot, green"), std::string::npos);
    EXPECT_EQ(come(link(good)).status, 303) << "the cookie is for later";
    EXPECT_EQ(colour_of(come("/")), "blue");
    EXPECT_EQ(colour_of(with_header(good + "x")), "blue");
    EXPECT_FALSE(ask().at("healthy").as_bool());
}

TEST_P(Preview, SecretsAreRotatedByAReload) {
    start_preview();
    const std::string former = pass();
    write_secrets(kOther + "\n" + kSecret);
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    const std::string current = pass();
    EXPECT_EQ(colour_of(with_header(former)), "green");
    EXPECT_EQ(colour_of(with_header(current)), "green");
    write_secrets(kOther);
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    EXPECT_EQ(colour_of(with_header(former)), "blue");
    EXPECT_EQ(colour_of(with_header(current)), "green");
    const auto yaml = read_file(daemon().config_path());
    const auto begin = yaml.find("    preview:");
    daemon().write_config(yaml.substr(0, begin) + yaml.substr(yaml.find('\n', begin) + 1));
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    EXPECT_EQ(colour_of(with_header(current)), "blue");
    EXPECT_EQ(admin().post("/v1/services/app/preview").error_code(), "no_preview");
}

TEST_P(Preview, SecretsAreNeitherLoggedNorToldAndPassesNotLogged) {
    start_preview();
    const std::string good = pass();
    EXPECT_EQ(come("/a?b=1&" + link(good).substr(2)).status, 303);
    EXPECT_EQ(with_header(good).status, 200);
    EXPECT_EQ(come("/a?" + link("bad.pass").substr(2)).status, 200);
    const auto lines = log_lines(3);
    ASSERT_EQ(lines.size(), 3u);
    std::size_t previews = 0;
    for (const auto& line : lines) {
        EXPECT_EQ(line.find("switchyard_preview"), std::string::npos) << line;
        EXPECT_EQ(line.find("bad.pass"), std::string::npos) << line;
        EXPECT_EQ(line.find(good), std::string::npos) << line;
        const auto record = boost::json::parse(line);
        if (record.at("preview").as_string().empty()) {
            EXPECT_EQ(record.at("slot").as_string(), "blue");
            continue;
        }
        ++previews;
        EXPECT_EQ(record.at("slot").as_string(), "green");
        EXPECT_NE(good.find("." + std::string(record.at("preview").as_string()) + "."),
                  std::string::npos);
    }
    EXPECT_EQ(previews, 2u);
    EXPECT_EQ(daemon().log().find(kSecret), std::string::npos);
    EXPECT_EQ(daemon().log().find(good), std::string::npos);
    EXPECT_NE(daemon().log().find("event=preview_pass_made"), std::string::npos);
    EXPECT_EQ(admin().get("/v1/status").response.body.find(kSecret), std::string::npos);
}

TEST_P(Preview, IsCountedApart) {
    start_preview({}, "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n");
    const std::string good = pass();
    ASSERT_EQ(with_header(good, "/status?code=500").status, 500);
    ASSERT_EQ(with_header(good).status, 200);
    ASSERT_EQ(come("/").status, 200);
    const std::string metrics(admin().get("/v1/status").json().at("metrics_address").as_string());
    const Labels green{{"service", "app"}, {"slot", "green"}};
    const auto page = [&] { return MetricsPage(test::get(metrics, "/metrics").body); };
    ASSERT_TRUE(
        eventually([&] { return page().sum("switchyard_preview_requests_total", green) == 2; }));
    const auto now = page();
    EXPECT_EQ(now.sum("switchyard_requests_total", green), 0);
    EXPECT_EQ(now.sum("switchyard_request_outcomes_total", green), 0);
    EXPECT_EQ(now.sum("switchyard_preview_request_outcomes_total", green), 2);
    EXPECT_EQ(now.value("switchyard_preview_requests_total",
                        {{"service", "app"}, {"slot", "green"}, {"code", "5xx"}}),
              1);
    const auto slot = admin().service_at_rest("app").at("slots").at("green");
    EXPECT_EQ(number(slot, "errors_total"), 0);
    EXPECT_EQ(number(slot.at("preview"), "errors_total"), 1);
    EXPECT_EQ(number(slot.at("preview"), "requests_total"), 2);
    EXPECT_EQ(number(slot.at("books"), "completed"), 2) << "C18: the ledger has them all";
}

TEST_P(Preview, C16_NothingOfItReachesTheApplicationInTrailers) {
    start_preview();
    const std::string good = pass();
    // In one piece with the head, and behind it.
    for (const bool late : {false, true}) {
        auto client = come_in();
        const auto head = request_text(
            "PUT", "/echo", {{"Transfer-Encoding", "chunked"}, {"Trailer", "X-Checksum"}});
        const auto body = "5\r\nhello\r\n0\r\nX-Checksum: abc\r\nX-Switchyard-Preview: " + good +
                          "\r\nCookie: switchyard_preview=" + good + "\r\n\r\n";
        client.send(late ? head : head + body);
        if (late) {
            ASSERT_TRUE(eventually([&] { return in_flight(Colour::blue, "/echo") == 1; }));
            client.send(body);
        }
        const auto response = read_response(client, "PUT");
        const auto echo = echoed(response);
        EXPECT_EQ(colour_of(response), "blue") << "a trailer opens nothing";
        EXPECT_EQ(echo.at("trailers").as_string(), "X-Checksum: abc\r\n");
    }
}

TEST_P(Preview, C03_ARequestInPreviewIsNotWhatASwitchWaitsFor) {
    start_preview();
    const std::string good = pass();
    auto slow = come_in();
    slow.send(request_text("POST", "/upload",
                           {{"X-Switchyard-Preview", good}, {"Content-Length", "10"}}) +
              "12345");
    ASSERT_TRUE(eventually([&] { return in_flight(Colour::green, "/upload") == 1; }));
    EXPECT_EQ(number(admin().service("app").at("slots").at("green"), "in_flight"), 1);
    auto stream = switching(Colour::green);
    EXPECT_EQ(number(stream.next_event("committed"), "in_flight_on_old"), 0);
    stream.next_event("drained");
    // It ends where it began, whatever is live by now.
    slow.send("67890");
    EXPECT_EQ(colour_of_upload(read_response(slow, "POST")), "green");
    EXPECT_TRUE(eventually([&] {
        return number(admin().service("app").at("slots").at("green").at("books"), "completed") == 1;
    }));
}

TEST_P(Preview, C12_TheNextDrainOfItsSlotCutsIt) {
    start_preview();
    const std::string good = pass();
    auto slow = come_in();
    slow.send(request_text("GET", "/sleep?ms=60000", {{"X-Switchyard-Preview", good}}));
    ASSERT_TRUE(eventually([&] { return in_flight(Colour::green, "/sleep") == 1; }));
    switch_to(Colour::green);
    auto back = switching(Colour::blue, R"("drain_timeout_ms":100)");
    EXPECT_EQ(number(back.next_event("drained"), "cut"), 1);
    const auto response = read_response(slow);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "drained");
}

TEST_F(Preview, WithoutASecretAWordOpensItAndThatIsSaid) {
    start(config("    preview: {header: X-Slot, cookie: slot, host: preview.localhost}\n"));
    EXPECT_NE(daemon().log().find("event=preview_without_secret"), std::string::npos);
    EXPECT_NE(admin().post("/v1/reload").response.body.find("the preview of app has no secret"),
              std::string::npos);
    EXPECT_EQ(colour_of(get("/", {{"X-Slot", "idle"}})), "green");
    EXPECT_EQ(colour_of(get("/", {{"X-Slot", "green"}})), "blue");
    EXPECT_EQ(colour_of(get("/", {{"Cookie", "slot=idle"}})), "green");
    const auto entered = get("/?switchyard_preview=idle");
    EXPECT_EQ(entered.field("Set-Cookie"),
              "slot=idle; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax");
    auto client = connect();
    client.send(request_text("GET", "/", {}, "preview.localhost"));
    EXPECT_EQ(colour_of(read_response(client)), "green");
    const auto run = daemon().cli({"preview", "app"});
    EXPECT_EQ(run.exit.code, 0);
    EXPECT_NE(run.out.find("NOT PROTECTED"), std::string::npos) << run.out;
    EXPECT_EQ(daemon().cli({"preview", "app", "--for", "1h"}).exit.code, 1);
}

TEST_F(Preview, ATrustedProxySaysThatTheClientCameOverTls) {
    write_secrets(kSecret);
    start(preview_config({}, "trusted_proxies: [\"127.0.0.0/8\"]\n"));
    const std::string good = pass();
    const auto cookie = [&](const Fields& fields) {
        return get(link(good), fields).field("Set-Cookie").value_or("");
    };
    EXPECT_TRUE(cookie({{"X-Forwarded-Proto", "https"}}).ends_with("; Secure"));
    EXPECT_TRUE(cookie({{"X-Forwarded-Proto", "http"}}).ends_with("; SameSite=Lax"));
    EXPECT_TRUE(cookie({}).ends_with("; SameSite=Lax"));
}

TEST_F(Preview, TheCommandPrintsWhatOpensIt) {
    write_secrets(kSecret);
    start(preview_config());
    const auto run = daemon().cli({"preview", "app", "--for", "15m"});
    ASSERT_EQ(run.exit.code, 0) << run.err;
    const auto links = find_all(run.out, "link +(http://[^/]+)(/\\S+)");
    ASSERT_FALSE(links.empty()) << run.out;
    EXPECT_EQ(links[0][1], "http://" + address());
    EXPECT_EQ(get(links[0][2]).status, 303);
    const auto headers = find_all(run.out, "header +([^:]+): (\\S+)");
    ASSERT_FALSE(headers.empty()) << run.out;
    EXPECT_EQ(colour_of(get("/", {{headers[0][1], headers[0][2]}})), "green");
    const auto json = daemon().cli({"preview", "app", "--json"});
    const auto answer = boost::json::parse(json.out);
    EXPECT_EQ(
        colour_of(get("/", {{"Cookie", std::string(answer.at("cookie").at("name").as_string()) +
                                           "=" + std::string(answer.at("pass").as_string())}})),
        "green");
    EXPECT_EQ(daemon().cli({"preview", "nobody"}).exit.code, 1);
    EXPECT_EQ(daemon().cli({"preview", "app", "--for", "0s"}).exit.code, 2);
    const auto longest = admin().post("/v1/services/app/preview", R"({"for_ms":86401000})");
    EXPECT_EQ(longest.error_code(), "bad_request");
}

TEST_F(Preview, ASecretThatCannotBeReadStopsTheStartAndTheReload) {
    write_secrets("short");
    Daemon refused(preview_config());
    EXPECT_NE(refused.start_expecting_exit().code, 0);
    EXPECT_NE(refused.log().find("fewer than 32"), std::string::npos) << refused.log();
    EXPECT_NE(refused.check().exit.code, 0);
    EXPECT_EQ(refused.check({"--offline"}).exit.code, 0);

    write_secrets(kSecret);
    start(preview_config());
    const std::string good = pass();
    std::filesystem::remove(secret_file());
    EXPECT_EQ(admin().post("/v1/reload").error_code(), "invalid_config");
    EXPECT_EQ(colour_of(get("/", {{"X-Switchyard-Preview", good}})), "green")
        << "what was in force stays so";
}

TEST_F(Preview, PassesOfOneServiceOpenNoOther) {
    write_secrets(kSecret);
    auto yaml = preview_config();
    const auto begin = yaml.find("  app:");
    const auto end = yaml.find("access_log:");
    auto second = yaml.substr(begin, end - begin);
    second.replace(second.find("app"), 3, "two");
    second.replace(second.find("hosts: [\"*\"]"), 12, "path: /two");
    yaml.insert(end, second);
    start(yaml);
    const std::string good = pass();
    EXPECT_EQ(colour_of(get("/", {{"X-Switchyard-Preview", good}})), "green");
    EXPECT_EQ(colour_of(get("/two", {{"X-Switchyard-Preview", good}})), "blue");
    const auto entered =
        get("/two/?switchyard_preview=" +
            std::string(admin().post("/v1/services/two/preview").json().at("pass").as_string()));
    EXPECT_NE(entered.field("Set-Cookie").value_or("").find("; Path=/two;"), std::string::npos)
        << "where the service is, so that the cookies of both can live side by side";
}

}  // namespace
}  // namespace switchyard::test
