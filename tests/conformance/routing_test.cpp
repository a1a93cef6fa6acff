// Which service and target a request reaches, and what the proxy answers itself.
#include "conformance/wire.hpp"

namespace switchyard::test {
namespace {

class Routing : public Wire {
  protected:
    /// A further service with one target, as lines for the configuration.
    static std::string service(const std::string& name, const std::string& settings,
                               const std::string& target) {
        return "  " + name + ":\n" + settings + "    slots: {blue: {targets: [\"" + target +
               "\"]}}\n    health_check: {interval: 50ms, healthy_after: 1}\n";
    }
};

TEST_P(Routing, GoesByHostAndPath) {
    OriginProcess exact(Colour::green, {.name = "exact"});
    OriginProcess wild(Colour::green, {.name = "wild"});
    OriginProcess api(Colour::green, {.name = "api"});
    start_wire(service("exact", "    hosts: [\"www.wild.example\"]\n", exact.address()) +
               service("wild", "    hosts: [\"*.wild.example\"]\n", wild.address()) +
               service("api", "    hosts: [\"*\"]\n    path: /api\n    strip_path: true\n",
                       api.address()));
    const auto name = [this](std::string_view host, std::string_view path) {
        const auto body = ask("GET", path, {{"Host", std::string(host)}}).body;
        const auto line = body.substr(0, body.find('\n'));
        return line.substr(line.find(' ') + 1);
    };
    EXPECT_EQ(name("www.wild.example", "/"), "exact");
    EXPECT_EQ(name("WWW.Wild.Example.:8080", "/"), "exact");
    EXPECT_EQ(name("a.wild.example", "/"), "wild");
    EXPECT_EQ(name("a.b.wild.example", "/"), "wild");
    EXPECT_EQ(name("wild.example", "/"), "blue-origin");
    EXPECT_EQ(name("127.0.0.1", "/"), "blue-origin");
    EXPECT_EQ(name("[::1]:80", "/"), "blue-origin");
    EXPECT_EQ(name("else.example", "/api"), "api");
    EXPECT_EQ(name("else.example", "/api/x"), "api");
    EXPECT_EQ(name("else.example", "/apix"), "blue-origin");
    EXPECT_EQ(name("else.example", "/API"), "blue-origin");
}

TEST_P(Routing, TakesThePrefixOffWhereItIsTold) {
    OriginProcess api(Colour::green, {.name = "api"});
    OriginProcess whole(Colour::green, {.name = "whole"});
    start_wire(service("api", "    path: /api\n    strip_path: true\n", api.address()) +
               service("deep", "    path: /deep/er/\n    strip_path: true\n", api.address()) +
               service("whole", "    path: /whole\n", whole.address()));
    const std::pair<const char*, const char*> targets[] = {
        {"/api", "/"},
        {"/api/", "/"},
        {"/api?q=1", "/?q=1"},
        {"/api/x?q=/api", "/x?q=/api"},
        {"/api//x", "//x"},
        {"/api/api", "/api"},
        {"/deep/er", "/"},
        {"/deep/er/", "/"},
        {"/deep/er/x", "/x"},
        {"/deep/er?q", "/?q"},
        {"/whole/x", "/whole/x"},
    };
    auto client = open();
    for (const auto& [asked, got] : targets) {
        const auto body = exchange(client, "GET", asked).body;
        // The origin's greeting, then the target (for "/" there is no second line).
        if (std::string_view(got) == "/" || std::string_view(got).starts_with("/?")) {
            EXPECT_EQ(body, "green api\n") << asked;
        } else {
            EXPECT_EQ(body.substr(body.find('\n') + 1), std::string(got) + "\n") << asked;
        }
    }
    client.send("GET http://localhost/api/y HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(read_response(client).body, "green api\n/y\n");
}

TEST_P(Routing, RefusesHostsThatNobodyHas) {
    auto yaml = config();
    yaml.replace(yaml.find("[\"*\"]"), 5, "[\"app.example\"]");
    if (GetParam() == Transport::tls) GTEST_SKIP() << "the same over both";
    start(yaml);
    Client client(address());
    expect_own_error(exchange(client, "GET", "/", {{"Host", "else.example"}}), 404,
                     "no_such_service");
    EXPECT_EQ(exchange(client, "GET", "/", {{"Host", "app.example"}}).status, 200);
    client.send("GET / HTTP/1.0\r\n\r\n");
    expect_own_error(read_response(client), 404, "no_such_service");
}

TEST_P(Routing, ReachesTargetsOfEveryKind) {
    const TempDir dir;
    OriginProcess socket(Colour::green,
                         {.name = "socket", .listen = "unix:" + dir.file("origin.sock")});
    OriginProcess six(Colour::green, {.name = "six", .listen = "[::1]:0"});
    OriginProcess four(Colour::green, {.name = "four"});
    const auto port = four.address().substr(four.address().rfind(':'));
    start_wire(service("socket", "    hosts: [\"socket.example\"]\n", socket.address()) +
               service("six", "    hosts: [\"six.example\"]\n", six.address()) +
               service("name", "    hosts: [\"name.example\"]\n", "localhost" + port));
    for (const char* name : {"socket", "six", "name"}) {
        ASSERT_TRUE(daemon().wait_healthy(name, Colour::blue)) << name;
    }
    auto client = open();
    const auto answer = [&client](const char* host) {
        return exchange(client, "GET", "/", {{"Host", host}}).body;
    };
    EXPECT_EQ(answer("socket.example"), "green socket\n");
    EXPECT_EQ(answer("six.example"), "green six\n");
    EXPECT_EQ(answer("name.example"), "green four\n");
    EXPECT_EQ(
        exchange(client, "POST", "/upload", {{"Host", "socket.example"}}, std::string(100'000, 'x'))
            .status,
        200);
}

TEST_P(Routing, SaysWhichSlotIsLive) {
    auto yaml = config();
    yaml.replace(yaml.find("      blue:\n"), 12, "      blue:\n        name: blue-production\n");
    if (GetParam() == Transport::tls) GTEST_SKIP() << "the same over both";
    start(yaml);
    Client client(address());
    const auto blue = exchange(client, "GET", "/server_info");
    EXPECT_EQ(blue.status, 200);
    EXPECT_EQ(blue.body, "blue-production");
    EXPECT_EQ(blue.field("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(blue.field("Cache-Control"), "no-store");
    EXPECT_EQ(exchange(client, "GET", "/").field("X-Served-By"), "blue-production");
    const auto head = exchange(client, "HEAD", "/server_info");
    EXPECT_EQ(head.field("Content-Length"), "15");
    EXPECT_EQ(exchange(client, "GET", "/server_info?x=1").body, "blue-production");
    // Only this path, and only for reading.
    EXPECT_EQ(colour_of(exchange(client, "GET", "/server_info/x")), "blue");
    EXPECT_EQ(colour_of(exchange(client, "POST", "/server_info", {}, "x")), "blue");
    switch_to(Colour::green);
    EXPECT_EQ(exchange(client, "GET", "/server_info").body, "green");
    EXPECT_EQ(exchange(client, "GET", "/").field("X-Served-By"), "green");
    EXPECT_EQ(origin(Colour::blue).books("/server_info").at("started").to_number<int>(), 1);
}

TEST_P(Routing, CanLeaveServerInfoToTheApplication) {
    start_wire("    server_info_path: \"\"\n");
    EXPECT_EQ(colour_of(ask("GET", "/server_info")), "blue");
}

TEST_P(Routing, RedirectsToHttps) {
    if (GetParam() == Transport::tls) GTEST_SKIP() << "plain listeners redirect";
    auto yaml = config();
    const std::string listener =
        "  - {address: \"127.0.0.3:0\", redirect_to_https: true, https_port: 8443}\n"
        "  - {address: \"127.0.0.4:0\", redirect_to_https: true}\n";
    yaml.insert(yaml.find("services:"), listener);
    start(yaml);
    Client client(daemon().address(1));
    const auto to = [&client](std::string_view method, std::string_view target, const char* host,
                              std::string_view body = {}) {
        return exchange(client, method, target, {{"Host", host}}, body);
    };
    auto response = to("GET", "/a?b=c", "app.example");
    EXPECT_EQ(response.status, 301);
    EXPECT_EQ(response.field("Location"), "https://app.example:8443/a?b=c");
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(to("HEAD", "/", "app.example:8080").field("Location"), "https://app.example:8443/");
    EXPECT_EQ(to("GET", "/", "[::1]:8080").field("Location"), "https://[::1]:8443/");
    response = to("POST", "/form", "app.example", "hello");
    EXPECT_EQ(response.status, 308);
    EXPECT_EQ(response.field("Location"), "https://app.example:8443/form");
    EXPECT_EQ(to("GET", "/", "app.example").status, 301);  // The connection goes on.
    EXPECT_EQ(test::get(daemon().address(2), "/x", {{"Host", "a.example"}}).field("Location"),
              "https://a.example/x");
    EXPECT_EQ(origin(Colour::blue).books("/form").at("started").to_number<int>(), 0);
}

INSTANTIATE_TEST_SUITE_P(Over, Routing, both_transports(), transport_name);

}  // namespace
}  // namespace switchyard::test
