// What is asked of the origin for an upgrade, and what it may answer (RFC 9110 §7.8).
#include "conformance/upgrades.hpp"
#include "conformance/wire.hpp"

namespace switchyard::test {
namespace {

using namespace std::string_literals;

INSTANTIATE_TEST_SUITE_P(Over, Upgrades, http1_transports(), transport_name);

TEST_P(Upgrades, TheOriginIsAskedForOneProtocolThatMayPass) {
    start_with([&](const std::string& head, Peer& peer) {
        const std::lock_guard lock(mutex_);
        heads_.push_back(head);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    struct Case {
        std::string request;
        const char* protocol;  ///< "": it is an ordinary request.
    };
    const auto get = [](const Fields& fields) { return request_text("GET", "/tunnel", fields); };
    const std::vector<Case> cases{
        {get({{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}), "websocket"},
        {get({{"Connection", "x, UPGRADE"}, {"Upgrade", "WebSocket"}}), "WebSocket"},
        {get({{"Connection", "Upgrade"}, {"Upgrade", "h2c, foo/1, websocket"}}), "websocket"},
        {get({{"Connection", "Upgrade, HTTP2-Settings"},
              {"Upgrade", "h2c"},
              {"HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"}}),
         ""},
        {get({{"Connection", "Upgrade"},
              {"Upgrade", "h2c"},
              {"HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"}}),
         ""},
        {get({{"Connection", "Upgrade"}, {"Upgrade", "HTTP/2.0, TLS/1.2"}}), ""},
        {get({{"Connection", "Upgrade"}, {"Upgrade", "foo"}}), ""},
        {get({{"Upgrade", "websocket"}}), ""},
        {get({{"Connection", "Upgrade"}}), ""},
        {get({{"Connection", "Upgrade"}, {"Upgrade", "foo"}, {"Upgrade", "websocket"}}), ""},
        {request_text(
             "POST", "/tunnel",
             {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Content-Length", "4"}}) +
             "body",
         ""},
        {"GET /tunnel HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
         ""},
    };
    for (const Case& one : cases) {
        auto client = knock();
        client.send(one.request);
        EXPECT_EQ(read_response(client).status, 200) << one.request;
        const std::lock_guard lock(mutex_);
        const std::string& head = heads_.back();
        const std::string asked = "\r\nConnection: Upgrade\r\nUpgrade: "s + one.protocol + "\r\n";
        EXPECT_EQ(head.find(asked) != std::string::npos, one.protocol[0] != '\0') << head;
        EXPECT_EQ(head.find("\r\nUpgrade:") != std::string::npos, one.protocol[0] != '\0') << head;
        EXPECT_EQ(head.find("HTTP2-Settings"), std::string::npos) << head;
    }
}

TEST_P(Upgrades, WhatMayPassIsConfigured) {
    const Answer answer = [&](const std::string& head, Peer& peer) {
        const std::lock_guard lock(mutex_);
        reply_ = head;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    };
    const auto passes = [&](std::string_view protocol) {
        auto client = knock();
        client.send(asking(protocol));
        EXPECT_EQ(read_response(client).status, 200);
        const std::lock_guard lock(mutex_);
        return reply_.find("\r\nUpgrade: " + std::string(protocol)) != std::string::npos;
    };
    start_with(answer, "    upgrade: off\n");
    EXPECT_FALSE(passes("websocket"));
    start_with(answer, "    upgrade: any\n");
    EXPECT_TRUE(passes("websocket"));
    EXPECT_TRUE(passes("foo/1.0"));
    EXPECT_FALSE(passes("h2c"));
    start_with(answer, "    upgrade: [foo, bar/2]\n");
    EXPECT_FALSE(passes("websocket"));
    EXPECT_TRUE(passes("foo/1.0"));
    EXPECT_TRUE(passes("BAR/2"));
    EXPECT_FALSE(passes("bar/1"));
}

TEST_P(Upgrades, SwitchingWithoutHavingBeenAskedToIsAnError) {
    start_with([&](const std::string&, Peer& peer) {
        const std::lock_guard lock(mutex_);
        peer.send(reply_);
        ::shutdown(peer.fd(), SHUT_RDWR);
    });
    const auto reply = [](const Fields& fields, std::string_view start = "HTTP/1.1 101 OK") {
        std::string text(start);
        text += "\r\n";
        for (const auto& [name, value] : fields)
            text.append(name).append(": ").append(value).append("\r\n");
        return text + "\r\n";
    };
    const auto answer_to = [this](const std::string& request) {
        auto client = knock();
        client.send(request);
        return read_response(client);
    };
    const std::string connection = "Connection";
    const std::vector<std::string> wrong{
        reply({{connection, "upgrade"}, {"Upgrade", "foo"}}),
        reply({{connection, "upgrade"}, {"Upgrade", "websocket, foo"}}),
        reply({{connection, "upgrade"}, {"Upgrade", "websocket"}, {"Upgrade", "websocket"}}),
        reply({{"Upgrade", "websocket"}}),
        reply({{connection, "upgrade"}}),
        reply({{connection, "upgrade"}, {"Upgrade", "websocket"}, {"Content-Length", "5"}}),
        reply(
            {{connection, "upgrade"}, {"Upgrade", "websocket"}, {"Transfer-Encoding", "chunked"}}),
        reply({{connection, "upgrade"}, {"Upgrade", "websocket"}}, "HTTP/1.0 101 OK"),
    };
    for (const auto& text : wrong) {
        {
            const std::lock_guard lock(mutex_);
            reply_ = text;
        }
        expect_own_error(answer_to(asking()), 502, "bad_response");
    }
    {
        const std::lock_guard lock(mutex_);
        reply_ = switching_for({});
    }
    expect_own_error(answer_to(request_text("GET", "/tunnel")), 502, "bad_response");
    EXPECT_EQ(tunnels(), 0);
}

TEST_P(Upgrades, WhatAClientSendsTooEarlyIsNeverTakenForTheOriginsAnswer) {
    start_with([&](const std::string& head, Peer& peer) {
        const std::lock_guard lock(mutex_);
        heads_.push_back(head);
        peer.send("HTTP/1.1 " + std::string(heads_.size() == 1 ? "400 No" : "200 OK") +
                  "\r\nContent-Length: 2\r\n\r\nok");
    });
    auto client = knock();
    // As if it had been accepted: for us it is the next request, with all that follows of it.
    client.send(asking() +
                "GET /second HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n"
                "Connection: X-Request-Id\r\n\r\n");
    EXPECT_EQ(read_response(client).status, 400);
    EXPECT_EQ(read_response(client).status, 200);
    {
        const std::lock_guard lock(mutex_);
        ASSERT_EQ(heads_.size(), 2u);
        EXPECT_TRUE(heads_[1].starts_with("GET /second "));
        EXPECT_EQ(heads_[1].find("1.2.3.4"), std::string::npos) << heads_[1];
        EXPECT_NE(heads_[1].find("X-Request-Id: "), std::string::npos);
    }
    // And frames are no request.
    auto framed = knock();
    framed.send(asking() + "\x81\x85\1\2\3\4hello\r\n\r\n"s);
    EXPECT_EQ(read_response(framed).status, 200);
    EXPECT_EQ(read_response(framed).status, 400);
    EXPECT_TRUE(framed.ended());
}

TEST_P(Upgrades, ARefusedUpgradeLeavesBothConnectionsInUse) {
    start_with(
        [&](const std::string&, Peer& peer) {
            const std::lock_guard lock(mutex_);
            sockets_.push_back(peer.fd());
            peer.send(
                "HTTP/1.1 426 No\r\nUpgrade: foo\r\nConnection: upgrade\r\n"
                "Content-Length: 2\r\n\r\nno");
        },
        {}, "workers: 1\n");
    auto client = knock();
    for (int i = 0; i < 3; ++i) {
        client.send(asking());
        const auto response = read_response(client);
        EXPECT_EQ(response.status, 426);
        EXPECT_EQ(response.body, "no");
        EXPECT_TRUE(response.keep_alive());
    }
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(sockets_, std::vector<int>(3, sockets_.at(0)));
}

}  // namespace
}  // namespace switchyard::test
