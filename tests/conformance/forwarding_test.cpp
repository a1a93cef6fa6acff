// What the origin gets to see of a request, and the client of a response.
#include "conformance/wire.hpp"

#include <set>

namespace switchyard::test {
namespace {

class Forwarding : public Wire {
  protected:
    [[nodiscard]] static std::string scheme() {
        return GetParam() == Transport::tls ? "https" : "http";
    }
};

TEST_P(Forwarding, TellsTheOriginWhoAsked) {
    start_wire();
    const auto echo = ask("GET", "/echo", {{"Host", "scores.example:8080"}});
    EXPECT_EQ(seen(echo, "Host"), Strings{"scores.example:8080"});
    EXPECT_EQ(seen(echo, "X-Forwarded-For").size(), 1U);
    EXPECT_TRUE(seen(echo, "X-Forwarded-For")[0].starts_with("127.0.0."));
    EXPECT_EQ(seen(echo, "X-Forwarded-Proto"), Strings{scheme()});
    EXPECT_EQ(seen(echo, "X-Forwarded-Host"), Strings{"scores.example:8080"});
    EXPECT_EQ(seen(echo, "Forwarded"), Strings{"for=" + seen(echo, "X-Forwarded-For")[0] +
                                               ";host=\"scores.example:8080\";proto=" + scheme()});
    EXPECT_EQ(seen(echo, "Via"), Strings{"1.1 switchyard"});
    EXPECT_EQ(seen_text(echo, "version"), "HTTP/1.1");
}

TEST_P(Forwarding, GivesEachRequestAnIdThatBothSidesSee) {
    start_wire();
    std::set<std::string> ids;
    auto client = open();
    for (int i = 0; i < 20; ++i) {
        const auto echo = exchange(client, "GET", "/echo", {{"X-Request-Id", "mine"}});
        const auto id = echo.field("X-Request-Id").value_or("");
        EXPECT_EQ(seen(echo, "X-Request-Id"), Strings{id});
        EXPECT_EQ(id.size(), 32U);
        ids.insert(id);
    }
    EXPECT_EQ(ids.size(), 20U);
}

TEST_P(Forwarding, BelievesNoStranger) {
    start_wire();
    const auto echo = ask("GET", "/echo",
                          {{"X-Forwarded-For", "198.51.100.1"},
                           {"X_Forwarded_For", "198.51.100.1"},
                           {"X-Forwarded-Proto", "gopher"},
                           {"X-Forwarded-Host", "evil.example"},
                           {"Forwarded", "for=198.51.100.1"},
                           {"X-Real-IP", "198.51.100.1"},
                           {"X-Forwarded-Port", "1"},
                           {"X-Forwarded-Prefix", "/evil"},
                           {"x_forwarded_ssl", "on"},
                           {"Proxy", "http://evil.example"},
                           {"X-Request-Id", "mine"}});
    for (const char* name :
         {"X-Real-IP", "X-Forwarded-Port", "X-Forwarded-Prefix", "x_forwarded_ssl", "Proxy"}) {
        EXPECT_EQ(seen(echo, name), Strings{}) << name;
    }
    for (const auto& name : {"X-Forwarded-For", "X_Forwarded_For", "X-Forwarded-Proto",
                             "X-Forwarded-Host", "Forwarded", "X-Request-Id"}) {
        for (const auto& value : seen(echo, name)) {
            EXPECT_EQ(value.find("198.51.100.1"), std::string::npos) << name;
            EXPECT_EQ(value.find("evil"), std::string::npos) << name;
            EXPECT_NE(value, "gopher");
            EXPECT_NE(value, "mine");
        }
        EXPECT_LE(seen(echo, name).size(), 1U) << name;
    }
}

TEST_P(Forwarding, BelievesTrustedProxies) {
    start_wire({}, "trusted_proxies: [\"loopback\"]\n");
    const auto echo = ask("GET", "/echo",
                          {{"X-Forwarded-For", "198.51.100.1, 198.51.100.2"},
                           {"X-Forwarded-Proto", "https"},
                           {"X-Forwarded-Host", "front.example"},
                           {"Forwarded", "for=198.51.100.1"},
                           {"X-Request-Id", "mine"}});
    EXPECT_TRUE(
        seen(echo, "X-Forwarded-For")[0].starts_with("198.51.100.1, 198.51.100.2, 127.0.0."));
    EXPECT_EQ(seen(echo, "X-Forwarded-Proto"), Strings{"https"});
    EXPECT_EQ(seen(echo, "X-Forwarded-Host"), Strings{"front.example"});
    EXPECT_TRUE(seen(echo, "Forwarded")[0].starts_with("for=198.51.100.1, for=127.0.0."));
    EXPECT_EQ(seen(echo, "X-Request-Id"), Strings{"mine"});
    EXPECT_EQ(echo.field("X-Request-Id"), "mine");
}

TEST_P(Forwarding, EndsHopByHopFields) {
    start_wire();
    const auto echo = ask("GET", "/echo",
                          {{"Connection", "keep-alive, X-Hop, Cookie"},
                           {"Keep-Alive", "timeout=5"},
                           {"Proxy-Connection", "keep-alive"},
                           {"Proxy-Authorization", "Basic x"},
                           {"TE", "trailers"},
                           {"Upgrade", "h2c"},
                           {"X-Hop", "1"},
                           {"Cookie", "a=1"},
                           {"X-End", "1"}});
    for (const auto& name : {"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization",
                             "TE", "Upgrade", "X-Hop", "Cookie"}) {
        EXPECT_TRUE(seen(echo, name).empty()) << name;
    }
    EXPECT_EQ(seen(echo, "X-End"), Strings{"1"});

    const auto response = ask("POST", "/raw", {},
                              "HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\n"
                              "Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
                              "Upgrade: h2c\r\nX-End: 1\r\nContent-Length: 2\r\n\r\nok");
    for (const auto& name :
         {"Connection", "X-Hop", "Keep-Alive", "Proxy-Authenticate", "Upgrade"}) {
        EXPECT_FALSE(response.field(name)) << name;
    }
    EXPECT_EQ(response.field("X-End"), "1");
}

TEST_P(Forwarding, ConnectionCantTakeAwayWhatWeSay) {
    start_wire();
    const auto echo =
        ask("GET", "/echo",
            {{"Connection", "Host, X-Forwarded-For, X-Forwarded-Proto, X-Request-Id, Forwarded"}});
    for (const auto& name :
         {"Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Forwarded"}) {
        EXPECT_EQ(seen(echo, name).size(), 1U) << name;
    }
}

TEST_P(Forwarding, LeavesMethodTargetFieldsAndBodyAlone) {
    start_wire();
    const std::string target = "/echo/a//b/../c;d?e=f&g=%2F%00&h='\"<>\\^`{|}";
    const auto echo = ask("PATCH", target,
                          {{"X-Latin", "caf\xe9"},
                           {"X-Many", "1"},
                           {"x-many", "2"},
                           {"X-Empty", ""},
                           {"Accept-Encoding", "gzip"},
                           {"Authorization", "Bearer x"}},
                          "hello");
    EXPECT_EQ(seen_text(echo, "method"), "PATCH");
    EXPECT_EQ(seen_text(echo, "target"), target);
    EXPECT_EQ(seen(echo, "X-Latin"), Strings{"caf\xc3\xa9"});  // The origin writes it in UTF-8.
    EXPECT_EQ(seen(echo, "X-Many"), (Strings{"1", "2"}));
    EXPECT_EQ(seen(echo, "X-Empty"), Strings{""});
    EXPECT_EQ(seen(echo, "Accept-Encoding"), Strings{"gzip"});
    EXPECT_EQ(seen(echo, "Authorization"), Strings{"Bearer x"});
    EXPECT_EQ(seen(echo, "Content-Length"), Strings{"5"});
    EXPECT_EQ(seen_text(echo, "body"), "hello");
}

TEST_P(Forwarding, AddsToViaAndNamesTheSlot) {
    start_wire();
    const auto echo = ask("GET", "/echo", {{"Via", "1.0 fred"}});
    EXPECT_EQ(seen(echo, "Via"), (Strings{"1.0 fred", "1.1 switchyard"}));
    EXPECT_EQ(echo.field("Via"), "1.1 switchyard");
    EXPECT_EQ(echo.field("X-Served-By"), "blue");
}

TEST_P(Forwarding, CanBeQuiet) {
    start_wire("    served_by_header: \"\"\n", "via: \"\"\n");
    const auto echo = ask("GET", "/echo");
    EXPECT_FALSE(echo.field("X-Served-By"));
    EXPECT_FALSE(echo.field("Via"));
    EXPECT_TRUE(seen(echo, "Via").empty());
}

TEST_P(Forwarding, AnOriginCantSpeakForUs) {
    start_wire();
    const auto response = ask("POST", "/raw", {},
                              "HTTP/1.1 200 OK\r\nX-Served-By: impostor\r\nx-served-by: 2\r\n"
                              "X-Switchyard-Error: fake\r\nX-Request-Id: fake\r\n"
                              "Content-Length: 0\r\n\r\n");
    EXPECT_EQ(response.field("X-Served-By"), "blue");
    EXPECT_FALSE(response.field("X-Switchyard-Error"));
    EXPECT_NE(response.field("X-Request-Id"), "fake");
}

TEST_P(Forwarding, SaysThatABodyIsEmptyWhereTheClientDid) {
    start_wire();
    const auto said =
        ask_raw("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "POST");
    EXPECT_EQ(seen(said, "Content-Length"), Strings{"0"});
    const auto silent = ask_raw("POST /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST");
    EXPECT_EQ(seen(silent, "Content-Length"), Strings{});
}

TEST_P(Forwarding, NamesNoPathAsHost) {
    const TempDir dir;
    const OriginProcess there(Colour::blue, {.listen = "unix:" + dir.file("app.sock")});
    auto text = config("    forward_host: false\n");
    const auto address = origin(Colour::blue).address();
    text.replace(text.find(address), address.size(), "unix:" + dir.file("app.sock"));
    start_wire_as(text);
    EXPECT_EQ(seen(ask("GET", "/echo"), "Host"), Strings{"localhost"});
}

TEST_P(Forwarding, SendsTheTargetsAddressAsHostWhenTold) {
    start_wire("    forward_host: false\n");
    const auto echo = ask("GET", "/echo", {{"Host", "scores.example"}});
    EXPECT_EQ(seen(echo, "Host"), Strings{origin(Colour::blue).address()});
    EXPECT_EQ(seen(echo, "X-Forwarded-Host"), Strings{"scores.example"});
}

INSTANTIATE_TEST_SUITE_P(Over, Forwarding, both_transports(), transport_name);

}  // namespace
}  // namespace switchyard::test
