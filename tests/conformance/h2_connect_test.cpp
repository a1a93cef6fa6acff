// RFC 8441, extended CONNECT: how a tunnel is asked for over HTTP/2, what the origin sees of it,
// and what the client sees of the origin's answer. What passes through a tunnel is tunnel_test's.
#include "conformance/h2_wire.hpp"
#include "conformance/upgrades.hpp"

#include <set>

namespace switchyard::test {
namespace {

using namespace std::string_literals;

INSTANTIATE_TEST_SUITE_P(Over, Upgrades, http2_transports(), transport_name);

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// One request on a connection of its own, to its end or its tunnel.
H2Answer answer_to(Client connection, const Fields& fields, bool end_stream = false) {
    H2Client client(std::move(connection));
    const auto id = client.open(fields, end_stream);
    return client.wait_head(id);
}

TEST_P(Upgrades, S3_ItIsAnnouncedWhereAServiceTakesUpgrades) {
    start_with([](const std::string&, Peer& peer) { peer.send(kOk); });
    H2Client client(knock());
    client.settle();
    EXPECT_EQ(client.settings().at(8), 1u);

    start_with([](const std::string&, Peer& peer) { peer.send(kOk); }, "    upgrade: off\n");
    H2Client other(knock());
    other.settle();
    EXPECT_FALSE(other.settings().contains(8));
    // Then the field is one that nobody knows.
    EXPECT_EQ(answer_to(knock(), extended()).reset, H2Code::protocol_error);
}

TEST_P(Upgrades, S5_TheOriginIsAskedAsByAClientOfHttp1) {
    start_with([&](const std::string& head, Peer& peer) {
        const std::lock_guard lock(mutex_);
        heads_.push_back(head);
        peer.send(switching_for(
            head, "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: x-none\r\n"));
        peer.read_to_end();
    });
    std::set<std::string> keys;
    for (int i = 0; i < 3; ++i) {
        const auto answer =
            answer_to(knock(), extended("websocket", {{"sec-websocket-protocol", "chat, other"},
                                                      {"sec-websocket-extensions", "x-none"},
                                                      {"sec-websocket-key", "of the client"},
                                                      {"origin", "http://localhost"}}));
        EXPECT_EQ(answer.response.status, 200);
        EXPECT_FALSE(answer.ended);
        EXPECT_EQ(answer.response.field("sec-websocket-protocol"), "chat");
        EXPECT_EQ(answer.response.field("sec-websocket-extensions"), "x-none");
        for (const char* name : {"sec-websocket-accept", "sec-websocket-key", "upgrade",
                                 "connection", "content-length", "transfer-encoding"})
            EXPECT_FALSE(answer.response.field(name)) << name;

        const std::lock_guard lock(mutex_);
        const std::string& head = heads_.back();
        EXPECT_TRUE(head.starts_with("GET /tunnel HTTP/1.1\r\n")) << head;
        EXPECT_NE(head.find("\r\nConnection: Upgrade\r\n"), std::string::npos) << head;
        EXPECT_EQ(value_of(head, "Upgrade"), "websocket");
        EXPECT_EQ(value_of(head, "Host"), "localhost");
        EXPECT_EQ(value_of(head, "sec-websocket-version"), "13");
        EXPECT_EQ(value_of(head, "sec-websocket-protocol"), "chat, other");
        EXPECT_EQ(value_of(head, "sec-websocket-extensions"), "x-none");
        EXPECT_EQ(value_of(head, "origin"), "http://localhost");
        EXPECT_EQ(head.find("of the client"), std::string::npos) << head;
        EXPECT_EQ(head.find("protocol: websocket"), std::string::npos) << head;
        EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos) << head;
        const std::string key = value_of(head, "Sec-WebSocket-Key");
        EXPECT_EQ(key.size(), 24u) << "sixteen octets in base64";
        EXPECT_TRUE(key.ends_with("==")) << key;
        keys.insert(key);
    }
    EXPECT_EQ(keys.size(), 3u) << "each its own";
}

TEST_P(Upgrades, S5_AnAnswerToAnotherKeyIsNone) {
    start_with([&](const std::string& head, Peer& peer) {
        const std::lock_guard lock(mutex_);
        const std::string right =
            "Sec-WebSocket-Accept: " + accept_for(value_of(head, "Sec-WebSocket-Key")) + "\r\n";
        const std::string wrong =
            "Sec-WebSocket-Accept: " + accept_for("dGhlIHNhbXBsZSBub25jZQ==") + "\r\n";
        const std::string start =
            "HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
        const std::string sort = reply_;
        if (sort == "none") peer.send(start + "\r\n");
        if (sort == "wrong") peer.send(start + wrong + "\r\n");
        if (sort == "both") peer.send(start + right + wrong + "\r\n");
        if (sort == "twice") peer.send(start + right + right + "\r\n");
        if (sort == "right") peer.send(start + right + "\r\n");
        ::shutdown(peer.fd(), SHUT_RDWR);
    });
    for (const std::string sort : {"none", "wrong", "both", "twice", "right"}) {
        {
            const std::lock_guard lock(mutex_);
            reply_ = sort;
        }
        const auto answer = answer_to(knock(), extended());
        if (sort == "right") {
            EXPECT_EQ(answer.response.status, 200);
            continue;
        }
        EXPECT_EQ(answer.response.status, 502) << sort;
        EXPECT_EQ(answer.response.field("x-switchyard-error"), "bad_websocket_accept") << sort;
    }
    EXPECT_TRUE(eventually([&] { return tunnels() == 0; }));
}

TEST_P(Upgrades, S5_ARefusalIsAnAnswerAndASuccessWithoutATunnelIsNone) {
    start_with([&](const std::string&, Peer& peer) {
        const std::lock_guard lock(mutex_);
        peer.send("HTTP/1.1 " + reply_ + " OK\r\nContent-Length: 2\r\nLocation: /x\r\n\r\nno");
    });
    H2Client client(knock());
    for (const int status : {302, 400, 401, 426, 503, 200, 202, 299}) {
        {
            const std::lock_guard lock(mutex_);
            reply_ = std::to_string(status);
        }
        const auto id = client.open(extended(), false);
        auto& answer = client.wait(id);
        if (status >= 300) {
            EXPECT_EQ(answer.response.status, status);
            EXPECT_EQ(answer.response.body, "no");
            EXPECT_EQ(answer.response.field("location"), "/x");
        } else {
            // A client would take it for its tunnel.
            EXPECT_EQ(answer.response.status, 502) << status;
            EXPECT_EQ(answer.response.field("x-switchyard-error"), "upgrade_ignored");
        }
        while (!answer.reset)
            ASSERT_TRUE(client.read_frame());
        EXPECT_EQ(*answer.reset, H2Code::no_error) << "our end of the stream is still open";
    }
    EXPECT_TRUE(client.goaways().empty());
}

TEST_P(Upgrades, S4_WhatMayNotPassIsNotImplemented) {
    start_with(
        [&](const std::string& head, Peer& peer) {
            const std::lock_guard lock(mutex_);
            heads_.push_back(head);
            peer.send(value_of(head, "Upgrade") == "foo"
                          ? "HTTP/1.1 101 OK\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"s
                          : kOk);
            peer.read_to_end();
        },
        "    upgrade: [foo]\n");
    for (const char* protocol : {"websocket", "h2c", "connect-udp", "HTTP"}) {
        const auto answer = answer_to(knock(), extended(protocol));
        EXPECT_EQ(answer.response.status, 501) << protocol;
        EXPECT_EQ(answer.response.field("x-switchyard-error"), "upgrade_not_allowed") << protocol;
    }
    EXPECT_EQ(answer_to(knock(), extended("foo")).response.status, 200);
    const std::lock_guard lock(mutex_);
    ASSERT_EQ(heads_.size(), 1u);
    EXPECT_EQ(heads_[0].find("Sec-WebSocket-Key"), std::string::npos) << "only WebSockets have it";
}

TEST_P(Upgrades, S4_OurOwnPagesAreNoTunnelsEither) {
    start_with([](const std::string&, Peer& peer) { peer.send(kOk); });
    Fields fields = extended();
    for (auto& [name, value] : fields) {
        if (name == ":path") value = "/server_info";
    }
    EXPECT_EQ(answer_to(knock(), fields).response.status, 502);
}

TEST_P(Upgrades, S4_WhatIsMalformedNeverGetsThere) {
    start_with([&](const std::string& head, Peer& peer) {
        const std::lock_guard lock(mutex_);
        heads_.push_back(head);
        peer.send(kOk);
    });
    const auto without = [](std::string_view name) {
        Fields fields = extended();
        std::erase_if(fields, [name](const auto& field) { return field.first == name; });
        return fields;
    };
    const auto with_method = [](const std::string& method) {
        Fields fields = extended();
        fields[0].second = method;
        return fields;
    };
    Fields late = without(":protocol");
    late.emplace_back(":protocol", "websocket");
    Fields twice = extended();
    twice.insert(twice.begin(), {":protocol", "websocket"});
    struct Row {
        const char* name;
        Fields fields;
    };
    const std::vector<Row> rows{
        {"no scheme", without(":scheme")},
        {"no path", without(":path")},
        {"no authority", without(":authority")},
        {"of a GET", with_method("GET")},
        {"of a POST", with_method("POST")},
        {"late", late},
        {"twice", twice},
        {"empty", extended("")},
        {"a list", extended("websocket, foo")},
        {"with a blank", extended("web socket")},
        {"with a line", extended("websocket\r\nX-Smuggled: 1")},
        {"with a length", extended("websocket", {{"content-length", "5"}})},
        {"with fields of HTTP/1.1", extended("websocket", {{"connection", "Upgrade"}})},
        {"with an Upgrade", extended("websocket", {{"upgrade", "websocket"}})},
    };
    for (const Row& row : rows) {
        const auto answer = answer_to(knock(), row.fields);
        if (answer.reset && !answer.has_head) {
            EXPECT_EQ(*answer.reset, H2Code::protocol_error) << row.name;
        } else {
            EXPECT_EQ(answer.response.status, 400) << row.name;
        }
    }
    // An ordinary CONNECT is another thing, and nothing we do.
    const auto plain = answer_to(knock(), {{":method", "CONNECT"}, {":authority", "localhost:80"}});
    EXPECT_EQ(plain.response.status, 501);
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(heads_.empty());
}

TEST_P(Upgrades, A101ThatNobodyAskedForIsAnError) {
    start_with([](const std::string& head, Peer& peer) { peer.send(switching_for(head)); });
    H2Client client(knock());
    EXPECT_EQ(client.exchange("GET", "/tunnel").status, 502);
    EXPECT_TRUE(client.goaways().empty());
}

TEST_P(Upgrades, S5_AResetIsABrokenConnectionOnBothSides) {
    start_with([&](const std::string& head, Peer& peer) {
        peer.send(switching_for(head));
        if (head.find("leave: 1") != std::string::npos) {
            go_.wait();
            sockaddr none{};
            none.sa_family = AF_UNSPEC;
            ::connect(peer.fd(), &none, sizeof none);  // A reset, and the socket stays the owner's.
            return;
        }
        end_.set(peer.read_to_end());
    });
    auto client = tunnel();
    client.send("all");
    ASSERT_TRUE(eventually([&] { return tunnels() == 1; }));
    client.reset();
    end_.wait();
    EXPECT_TRUE(eventually([&] { return tunnels() == 0; }));

    H2Client other(knock());
    const auto id = other.open(extended("websocket", {{"leave", "1"}}), false);
    EXPECT_EQ(other.wait_head(id).response.status, 200);
    go_.set();
    EXPECT_EQ(other.wait(id).reset, H2Code::cancel);
    EXPECT_FALSE(other.answer(id).ended);
    EXPECT_EQ(other.exchange("GET", "/server_info").status, 200) << "the connection goes on";
}

TEST_P(Upgrades, ATunnelThatNobodyReadsStopsNoNeighbour) {
    start_with([&](const std::string& head, Peer& peer) {
        peer.send(switching_for(head));
        const std::string piece(64 * 1024, '\x82');
        while (peer.send(piece))
            sent_ += piece.size();
    });
    H2Client client(knock());
    client.send(window_update(0, 50'000'000));
    client.gives_windows = false;
    const auto stuck = client.open(extended(), false);
    client.wait_head(stuck);
    while (client.answer(stuck).response.body.size() < 65535)
        ASSERT_TRUE(client.read_frame());
    for (int i = 0; i < 20; ++i)
        ASSERT_EQ(client.exchange("GET", "/server_info").status, 200);
    EXPECT_EQ(client.answer(stuck).response.body.size(), 65535u);
    client.send(window_update(stuck, 1'000'000));
    while (client.answer(stuck).response.body.size() < 1'000'000)
        ASSERT_TRUE(client.read_frame());
}

TEST_P(Upgrades, S5_AGoodbyeEndsTheStream) {
    start_with([](const std::string& head, Peer& peer) {
        peer.send(switching_for(head));
        peer.read(8);  // The client's Close.
        peer.send("\x88\x02\x03\xe8"s);
        ::shutdown(peer.fd(), SHUT_RDWR);
    });
    auto client = tunnel();
    client.send("\x88\x82\1\2\3\4\x02\xea"s);
    EXPECT_EQ(client.read_to_end(), "\x88\x02\x03\xe8"s);
    client.shutdown_write();
    client.http2().settle();
    EXPECT_TRUE(eventually([&] { return tunnels() == 0; }));
    EXPECT_TRUE(client.http2().goaways().empty());
    EXPECT_EQ(client.http2().exchange("GET", "/server_info").status, 200);
}

}  // namespace
}  // namespace switchyard::test
