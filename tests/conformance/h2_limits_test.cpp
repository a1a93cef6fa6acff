// RFC 9113 §10.5: what a client may ask of a connection before it is told to calm down, time-outs,
// and the end of a connection (§6.8). Limits are set low here, so that a test passes them at once;
// that the defaults bear usual clients is shown by those clients (integration/h2_clients_test).
#include "conformance/h2_wire.hpp"
#include "integration/metrics_page.hpp"

#include <functional>

namespace switchyard::test {
namespace {

class H2Limits : public H2Wire {
  protected:
    void start_with(const std::string& http2, const std::string& more = {}) {
        start_wire({}, "http2: {" + http2 + "}\n" +
                           "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n" +
                           more);
    }
    [[nodiscard]] MetricsPage page() const {
        const auto status = admin().get("/v1/status").json();
        return MetricsPage(
            test::get(std::string(status.at("metrics_address").as_string()), "/metrics").body);
    }
    /// So many of a frame are fine, and one more is not; it is counted by its kind.
    void expect_limit(const std::string& kind, const std::function<std::string(int)>& frame_of,
                      int allowed, const std::function<void(H2Client&)>& prepare = {}) {
        {
            auto client = come_in();
            if (prepare) prepare(client);
            for (int i = 0; i < allowed; ++i)
                client.send(frame_of(i));
            // A PING is one of its kind itself.
            if (kind != "pings") {
                ASSERT_NO_THROW(client.settle()) << kind;
            }
            ASSERT_TRUE(client.goaways().empty()) << kind;
        }
        auto client = come_in();
        client.acknowledges = false;
        if (prepare) prepare(client);
        // Time gives some back while they are sent.
        std::string flood;
        for (int i = 0; i < 3 * allowed + 10; ++i)
            flood += frame_of(i);
        try {
            client.send(flood);
        } catch (const ClientError& error) {
            ASSERT_NE(error.kind, ClientError::Kind::timeout);
        }
        H2Goaway goaway;
        ASSERT_NO_THROW(goaway = client.wait_goaway()) << kind;
        EXPECT_EQ(goaway.code, H2Code::enhance_your_calm) << kind;
        EXPECT_EQ(goaway.debug, kind);
        EXPECT_TRUE(eventually([&] {
            return page().value("switchyard_http2_limits_total", {{"limit", kind}}) == 1;
        })) << kind;
        // Others do not notice.
        auto other = come_in();
        EXPECT_EQ(other.exchange("GET", "/").status, 200);
    }
};
INSTANTIATE_TEST_SUITE_P(Over, H2Limits, both_transports(), transport_name);

TEST_P(H2Limits, OfResetsByTheClient) {
    start_with("resets_per_second: 1");
    int next = 0;
    expect_limit(
        "resets",
        [&next](int i) {
            if (i == 0) next = 1;
            const auto id = static_cast<std::uint32_t>(next);
            next += 2;
            return headers(id, h2_request("GET", "/sleep?ms=60000")) +
                   rst_stream(id, H2Code::cancel);
        },
        9);
    EXPECT_TRUE(eventually([this] { return in_flight("/sleep") == 0; }));
}

TEST_P(H2Limits, OfResetsThatTheClientCauses) {
    start_with("resets_per_second: 1");
    int next = 0;
    expect_limit(
        "resets",
        [&next](int i) {
            if (i == 0) next = 1;
            const auto id = static_cast<std::uint32_t>(next);
            next += 2;
            return headers(id, h2_request("GET", "/", {{"connection", "close"}}));
        },
        9);
    EXPECT_GE(page().value("switchyard_http2_malformed_requests_total"), 18);
}

TEST_P(H2Limits, OfSettings) {
    start_with("settings_per_second: 1");
    expect_limit(
        "settings", [](int) { return frame(FrameType::settings, 0, 0); }, 5);
}

TEST_P(H2Limits, OfPings) {
    start_with("pings_per_second: 1");
    expect_limit(
        "pings", [](int) { return frame(FrameType::ping, 0, 0, "12345678"); }, 9);
}

TEST_P(H2Limits, OfPrioritiesAndUnknownFrames) {
    start_with("ignored_frames_per_second: 1");
    expect_limit(
        "ignored_frames",
        [](int i) {
            return i % 2 == 0 ? frame(FrameType::priority, 0, 1, big_endian(0, 5))
                              : frame(static_cast<FrameType>(0xbe), 0, 0, "x");
        },
        9);
}

TEST_P(H2Limits, OfWindowUpdates) {
    start_with("window_updates_per_second: 1");
    expect_limit(
        "window_updates", [](int) { return window_update(0, 1); }, 9);
    // What is sent earns some more.
    auto client = come_in(setting(4, 1'000'000));
    client.gives_windows = false;
    client.send(window_update(0, 1'000'000));
    const auto id = client.open(h2_request("GET", "/bytes?n=100000"));
    EXPECT_EQ(client.wait(id).response.body.size(), 100'000u);
    for (int i = 0; i < 90; ++i)
        client.send(window_update(0, 1));
    EXPECT_NO_THROW(client.settle());
}

TEST_P(H2Limits, OfEmptyFrames) {
    start_with("empty_frames_per_second: 1");
    const auto prepare = [](H2Client& client) {
        client.send(headers(1, h2_request("POST", "/upload"), kEndHeaders));
    };
    expect_limit(
        "empty_frames", [](int) { return frame(FrameType::data, 0, 1); }, 9, prepare);
}

TEST_P(H2Limits, OfContinuations) {
    start_with("continuations: 3");
    const auto block = header_block(h2_request("GET", "/echo"));
    const auto in_pieces = [&](std::size_t continuations) {
        std::string out = frame(FrameType::headers, kEndStream, 1, block.substr(0, 1));
        for (std::size_t i = 1; i < continuations; ++i)
            out += frame(FrameType::continuation, 0, 1, block.substr(i, 1));
        return out + frame(FrameType::continuation, kEndHeaders, 1, block.substr(continuations));
    };
    auto client = come_in();
    client.send(in_pieces(3));
    EXPECT_EQ(client.wait(1).response.status, 200);
    auto other = come_in();
    other.send(in_pieces(4));
    const auto goaway = other.wait_goaway();
    EXPECT_EQ(goaway.code, H2Code::enhance_your_calm);
    EXPECT_EQ(goaway.debug, "continuations");
    EXPECT_EQ(started("/echo"), 1);
}

TEST_P(H2Limits, OfHeads) {
    start_wire({}, "limits: {head_bytes: 4KiB, header_count: 20, target_bytes: 200}\n");
    auto client = come_in();
    const auto large = client.exchange("GET", "/", {{"x-large", std::string(5'000, 'v')}});
    EXPECT_EQ(large.status, 431);
    EXPECT_EQ(large.field("x-switchyard-error"), "head_too_large");
    Fields many;
    for (int i = 0; i < 25; ++i)
        many.emplace_back("x-" + std::to_string(i), "v");
    EXPECT_EQ(client.exchange("GET", "/", many).field("x-switchyard-error"), "too_many_headers");
    EXPECT_EQ(client.exchange("GET", "/" + std::string(300, 'a')).field("x-switchyard-error"),
              "target_too_long");
    EXPECT_EQ(client.exchange("GET", "/").status, 200) << "the connection goes on";
}

TEST_P(H2Limits, OfWhatALittleHpackCanBecome) {
    start_wire({}, "limits: {head_bytes: 4KiB}\n");
    auto client = come_in();
    // A field of the dynamic table, named again and again by one octet each.
    std::string block = header_block(h2_request("GET", "/never"));
    block += std::string(
                 "\x40\x01"
                 "x\x7f\xe1\x03",
                 6) +
             std::string(127 + 0x61 + 3 * 128, 'v');
    block += std::string(2'000, '\xbe');
    client.send(frame(FrameType::headers, kEndHeaders | kEndStream, 1, block));
    const auto goaway = client.wait_goaway();
    EXPECT_EQ(goaway.code, H2Code::enhance_your_calm);
    EXPECT_EQ(goaway.debug, "header_list");
    EXPECT_EQ(started("/never"), 0);
}

TEST_P(H2Limits, OfTrailers) {
    start_wire({}, "limits: {head_bytes: 1KiB}\n");
    auto client = come_in();
    client.send(headers(1, h2_request("POST", "/upload"), kEndHeaders) +
                headers(1, {{"x-trailer", std::string(2'000, 'v')}}));
    EXPECT_EQ(client.wait_goaway().code, H2Code::enhance_your_calm);
    EXPECT_EQ(origin(Colour::blue).books("/upload").at("answered").to_number<int>(), 0);
}

TEST_P(H2Limits, OfAnswersThatNobodyReads) {
    start_with("pings_per_second: 100000, settings_per_second: 100000");
    auto client = come_in();
    client.acknowledges = false;
    client.socket().shrink_receive_buffer();
    std::string pings;
    for (int i = 0; i < 10'000; ++i)
        pings += frame(FrameType::ping, 0, 0, "12345678");
    const auto before = daemon().resident_bytes();
    // Until it won't take any more, or has ended the connection.
    try {
        for (int i = 0; i < 200; ++i) {
            if (client.socket().send_some(pings, Deadline(2s)) < pings.size()) break;
        }
    } catch (const ClientError& error) {
        EXPECT_NE(error.kind, ClientError::Kind::timeout);
    }
    EXPECT_TRUE(eventually([&] {
        return page().value("switchyard_http2_limits_total", {{"limit", "responses"}}) == 1;
    }));
    EXPECT_LT(daemon().resident_bytes(), before + kNoticeableBytes);
}

TEST_P(H2Limits, OfStreamsAtOnce) {
    start_with("max_concurrent_streams: 3");
    auto client = come_in();
    client.acknowledges = false;  // Of SETTINGS: until then the limit is nobody's fault.
    for (int i = 0; i < 4; ++i)
        client.open(h2_request("GET", "/sleep?ms=60000"));
    expect_reset(client, 7, H2Code::refused_stream);
    EXPECT_EQ(client.settings().at(3), 3u);
    EXPECT_TRUE(
        eventually([this] { return page().value("switchyard_http2_refused_streams_total") == 1; }));
    // The refusal may overtake what went to the origin.
    EXPECT_TRUE(eventually([this] { return in_flight("/sleep") == 3; }));
    EXPECT_EQ(started("/sleep"), 3);
}

TEST_P(H2Limits, OfBodies) {
    start_wire({}, "limits: {body_bytes: 1000}\n");
    auto client = come_in();
    const auto told =
        client.exchange("POST", "/upload", {{"content-length", "1001"}}, std::string(1001, 'x'));
    EXPECT_EQ(told.status, 413);
    const auto id = client.open(h2_request("POST", "/upload"), false);
    client.send_data(id, std::string(1001, 'x'));
    EXPECT_EQ(client.wait_head(id).response.status, 413);
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
}

TEST_P(H2Limits, OfConnections) {
    start_wire({}, "limits: {connections_per_address: 1}\n");
    auto first = come_in();
    EXPECT_EQ(first.exchange("GET", "/").status, 200);
    auto second = come_in();
    const auto refused = second.exchange("GET", "/");
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.field("x-switchyard-error"), "too_many_connections");
    EXPECT_EQ(second.wait_goaway().code, H2Code::no_error);
    second.wait_end();
    EXPECT_EQ(first.exchange("GET", "/").status, 200);
}

// -- Time

TEST_P(H2Limits, TimeForThePreface) {
    start_with("enabled: true", "timeouts: {request_head: 200ms, keep_alive: 60s}\n");
    auto client = knock();
    if (GetParam() == Transport::h2c) client.send(kH2Preface.substr(0, 10));
    const auto ends = [](Client& of) {
        try {
            while (of.read_more()) {
            }
        } catch (const ClientError& error) {
            EXPECT_NE(error.kind, ClientError::Kind::timeout);
        }
    };
    ends(client);
    auto without_settings = knock();
    without_settings.send(kH2Preface);
    ends(without_settings);
}

TEST_P(H2Limits, S6_5_3_TimeToAcknowledgeSettings) {
    start_with("settings_timeout: 300ms");
    auto good = come_in();
    good.settle();
    auto client = come_in();
    client.acknowledges = false;
    const auto id = client.open(h2_request("GET", "/"));
    EXPECT_EQ(client.wait(id).response.status, 200) << "nobody waits for it";
    const auto goaway = client.wait_goaway();
    EXPECT_EQ(goaway.code, H2Code::settings_timeout);
    EXPECT_EQ(goaway.debug, "settings_ack");
    client.wait_end();
    EXPECT_TRUE(eventually([&] {
        return page().value("switchyard_http2_limits_total", {{"limit", "settings_ack"}}) == 1;
    }));
    EXPECT_EQ(good.exchange("GET", "/").status, 200) << "who has acknowledged them stays";
}

TEST_P(H2Limits, TheLogSaysWhoPassedWhichAndNotEachTime) {
    start_wire({}, "http2: {settings_per_second: 1}\nworkers: 1\n");
    constexpr int kClients = 20;
    for (int i = 0; i < kClients; ++i) {
        auto client = come_in();
        std::string flood;
        for (int k = 0; k < 30; ++k)
            flood += frame(FrameType::settings, 0, 0);
        client.send(flood);
        EXPECT_EQ(client.wait_goaway().code, H2Code::enhance_your_calm);
    }
    const auto lines = [&] {
        const std::string log = daemon().log();
        int count = 0;
        for (auto at = log.find("event=http2_limit_passed"); at != std::string::npos;
             at = log.find("event=http2_limit_passed", at + 1))
            ++count;
        return count;
    };
    EXPECT_NE(daemon().log().find(
                  "event=http2_limit_passed client=127.0.0.1 limit=settings worker=0 not_logged=0"),
              std::string::npos)
        << daemon().log();
    EXPECT_LT(lines(), kClients / 2);
}

TEST_P(H2Limits, TimeForAHeaderBlock) {
    start_with("enabled: true", "timeouts: {request_head: 300ms, keep_alive: 60s}\n");
    auto client = come_in();
    client.acknowledges = false;  // Nothing may come in between.
    const auto block = header_block(h2_request("GET", "/never"));
    client.send(frame(FrameType::headers, kEndStream, 1, block.substr(0, 5)));
    const auto goaway = client.wait_goaway();
    EXPECT_EQ(goaway.code, H2Code::enhance_your_calm);
    EXPECT_EQ(goaway.debug, "request_head");
    client.wait_end();
    // Half a frame is no different.
    auto half = come_in();
    half.acknowledges = false;
    half.send(frame(FrameType::headers, kEndStream | kEndHeaders, 1, block).substr(0, 20));
    EXPECT_EQ(half.wait_goaway().debug, "request_head");
    // A block that was refused leaves no clock running.
    auto refused = come_in();
    const auto bad = refused.next_stream();
    refused.send(headers(bad, h2_request("GET", "/", {{"connection", "close"}})));
    expect_reset(refused, bad, H2Code::protocol_error);
    const auto id = refused.open(h2_request("GET", "/sleep?ms=900"));
    EXPECT_EQ(refused.wait(id).response.status, 200);
}

TEST_P(H2Limits, TimeBetweenRequests) {
    start_with("enabled: true", "timeouts: {keep_alive: 300ms}\n");
    auto client = come_in();
    EXPECT_EQ(client.exchange("GET", "/sleep?ms=700").status, 200) << "not while it has a stream";
    EXPECT_EQ(client.wait_goaway().code, H2Code::no_error);
    client.wait_end();
}

TEST_P(H2Limits, TimeForABody) {
    start_with("enabled: true", "timeouts: {request_body: 300ms}\n");
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/upload"), false);
    client.send_data(id, "abc");
    const auto& answer = client.wait(id);
    EXPECT_EQ(answer.response.status, 408);
    EXPECT_EQ(answer.response.field("x-switchyard-error"), "request_body_timeout");
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
}

TEST_P(H2Limits, TimeForAStalledWindow) {
    start_with("enabled: true", "timeouts: {response_write: 300ms}\n");
    auto client = come_in(setting(4, 100));
    client.gives_windows = false;
    const auto stalled = client.open(h2_request("GET", "/bytes?n=1000"));
    const auto& answer = client.wait(stalled);
    EXPECT_FALSE(answer.ended);
    EXPECT_EQ(answer.response.body.size(), 100u);
    // Who takes a little now and then is not stalled.
    const auto slow = client.open(h2_request("GET", "/bytes?n=1000"));
    while (client.answer(slow).response.body.size() < 1000 && !client.answer(slow).reset) {
        client.send(window_update(slow, 50));
        client.settle();
        if (client.answer(slow).response.body.size() < 900) {
            EXPECT_FALSE(client.answer(slow).reset);
        }
    }
    EXPECT_EQ(client.wait(slow).response.body, blue_bytes(1000));
    EXPECT_TRUE(eventually([this] { return in_flight("/bytes") == 0; }));
}

// -- §6.8: the end

TEST_P(H2Limits, S6_8_AStopIsToldInTwoSteps) {
    start_wire();
    auto client = come_in();
    const auto running = client.open(h2_request("GET", "/sleep?ms=500"));
    ASSERT_TRUE(eventually([this] { return in_flight("/sleep") == 1; }));
    client.acknowledges = false;
    daemon().signal(SIGTERM);
    const auto first = client.wait_goaway();
    EXPECT_EQ(first.last_stream, 0x7fffffffu);
    EXPECT_EQ(first.code, H2Code::no_error);
    // Sent before the client could know: still served.
    const auto late = client.open(h2_request("GET", "/"));
    EXPECT_EQ(client.wait(late).response.status, 200);
    while (client.goaways().size() < 2)
        ASSERT_TRUE(client.read_frame());
    const auto second = client.goaways()[1];
    EXPECT_EQ(second.last_stream, late);
    EXPECT_EQ(second.code, H2Code::no_error);
    EXPECT_EQ(client.wait(running).response.status, 200);
    client.wait_end();
    EXPECT_EQ(daemon().wait_exit()->code, 0);
}

TEST_P(H2Limits, S6_8_ARoundTripIsEnoughForTheSecondStep) {
    start_wire();
    auto client = come_in();
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
    daemon().signal(SIGTERM);
    EXPECT_EQ(client.wait_goaway().last_stream, 0x7fffffffu);
    EXPECT_EQ(client.wait_goaway().last_stream, 1u);
    client.wait_end();
    EXPECT_EQ(daemon().wait_exit()->code, 0);
}

TEST_P(H2Limits, S6_8_WhatIsNotDoneInTimeIsCut) {
    start_with("enabled: true", "timeouts: {shutdown: 300ms}\n");
    auto client = come_in();
    const auto silent = client.open(h2_request("GET", "/sleep?ms=60000"));
    const auto half = client.open(h2_request("GET", "/hang?n=1000&at=500"));
    client.wait_head(half);
    ASSERT_TRUE(eventually([this] { return in_flight("/sleep") == 1; }));
    daemon().signal(SIGTERM);
    const auto& refused = client.wait(silent);
    EXPECT_EQ(refused.response.status, 503);
    const auto& cut = client.wait(half);
    EXPECT_FALSE(cut.ended);
    EXPECT_EQ(*cut.reset, H2Code::internal_error);
    EXPECT_TRUE(daemon().wait_exit());
}

}  // namespace
}  // namespace switchyard::test
