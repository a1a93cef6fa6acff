// RFC 9113 §5: states of streams, flow control; and how much a slow one may hold.
#include "conformance/h2_wire.hpp"

namespace switchyard::test {
namespace {

class H2Streams : public H2Wire {
  protected:
    void SetUp() override { start_wire(); }
};
INSTANTIATE_TEST_SUITE_P(Over, H2Streams, both_transports(), transport_name);

// -- §5.1: states

TEST_P(H2Streams, S5_1_IdleTakesNothingButHeadersAndPriority) {
    expect_connection_error(frame(FrameType::data, kEndStream, 1, "x"), H2Code::protocol_error);
    expect_connection_error(window_update(5, 1), H2Code::protocol_error);
    expect_connection_error(rst_stream(5, H2Code::cancel), H2Code::protocol_error);
}

TEST_P(H2Streams, S5_1_HalfClosedTakesNoMoreOfAMessage) {
    // A stream error (or one of the connection), STREAM_CLOSED.
    for (const auto& more :
         {frame(FrameType::data, kEndStream, 1, "x"), headers(1, {{"x-trailer", "late"}})}) {
        auto client = come_in();
        client.send(headers(1, h2_request("GET", "/sleep?ms=60000")) + more);
        while (client.goaways().empty() && !client.answer(1).reset) {
            ASSERT_TRUE(client.read_frame());
        }
        EXPECT_EQ(client.goaways().empty() ? *client.answer(1).reset : client.goaways()[0].code,
                  H2Code::stream_closed);
    }
}

TEST_P(H2Streams, S5_1_HalfClosedStillTakesWindowUpdatesAndResets) {
    auto client = come_in();
    const auto id = client.open(h2_request("GET", "/sleep?ms=60000"));
    ASSERT_TRUE(eventually([this] { return in_flight("/sleep") == 1; }));
    client.send(window_update(id, 100) + frame(FrameType::priority, 0, id, big_endian(0, 5)));
    client.settle();
    client.send(rst_stream(id, H2Code::cancel));
    EXPECT_TRUE(eventually([this] { return in_flight("/sleep") == 0; }));
    client.settle();
}

TEST_P(H2Streams, S5_1_WhatComesForAStreamThatWeHaveClosedIsIgnored) {
    auto client = come_in();
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
    client.send(window_update(1, 100) + rst_stream(1, H2Code::cancel) +
                frame(FrameType::priority, 0, 1, big_endian(0, 5)));
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
}

TEST_P(H2Streams, S5_1_DataAfterTheEndOfAStreamIsNobodys) {
    auto client = come_in();
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
    // It may have been under way. The connection's window gets it back.
    for (int i = 0; i < 70; ++i)
        client.send(frame(FrameType::data, 0, 1, std::string(16384, 'x')));
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
}

TEST_P(H2Streams, S5_1_WhatWasUnderWayWhenWeResetIsIgnored) {
    auto client = come_in();
    const auto bad = client.next_stream();
    std::string late = headers(bad, h2_request("POST", "/upload", {{"te", "gzip"}}), kEndHeaders);
    for (int i = 0; i < 7; ++i)
        late += frame(FrameType::data, 0, bad, std::string(16384, 'x'));
    client.send(late + window_update(bad, 100) +
                frame(FrameType::priority, 0, bad, big_endian(0, 5)) +
                headers(bad, {{"x-trailer", "v"}}));
    expect_reset(client, bad, H2Code::protocol_error);
    // The connection's window got it back: more than that fits through now.
    EXPECT_EQ(client.exchange("POST", "/upload", {}, std::string(65535, 'y')).status, 200);
}

TEST_P(H2Streams, S5_1_1_IdsAreOddAndGrow) {
    expect_connection_error(headers(2, h2_request("GET", "/")), H2Code::protocol_error);
    auto client = come_in();
    client.send(headers(5, h2_request("GET", "/")));
    EXPECT_EQ(client.wait(5).response.status, 200);
    client.send(headers(3, h2_request("GET", "/never")));
    const auto code = client.wait_goaway().code;
    EXPECT_TRUE(code == H2Code::protocol_error || code == H2Code::stream_closed);
    EXPECT_EQ(started("/never"), 0);
}

TEST_P(H2Streams, S5_1_1_AClosedIdIsNotUsedAgain) {
    auto client = come_in();
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
    client.send(headers(1, h2_request("GET", "/never")));
    const auto code = client.wait_goaway().code;
    EXPECT_TRUE(code == H2Code::protocol_error || code == H2Code::stream_closed);
    EXPECT_EQ(started("/never"), 0);
}

TEST_P(H2Streams, S5_1_2_MoreStreamsThanAllowedAreRefused) {
    auto client = come_in();
    client.settle();
    std::string many;
    for (std::uint32_t i = 0; i < 101; ++i)
        many += headers(2 * i + 1, h2_request("GET", "/sleep?ms=60000"));
    client.send(many);
    // Whether the one or all of them is for us to choose.
    while (client.goaways().empty() && !client.answer(201).reset)
        ASSERT_TRUE(client.read_frame());
    if (client.goaways().empty()) {
        EXPECT_TRUE(*client.answer(201).reset == H2Code::refused_stream ||
                    *client.answer(201).reset == H2Code::protocol_error);
    } else {
        EXPECT_EQ(client.goaways()[0].code, H2Code::protocol_error);
    }
}

TEST_P(H2Streams, S5_1_2_AHundredAtOnceAreServed) {
    auto client = come_in();
    std::string many;
    for (std::uint32_t i = 0; i < 100; ++i)
        many += headers(2 * i + 1, h2_request("GET", "/sleep?ms=50"));
    client.send(many);
    for (std::uint32_t i = 0; i < 100; ++i)
        EXPECT_EQ(client.wait(2 * i + 1).response.status, 200);
}

// -- §5.2: flow control

TEST_P(H2Streams, S5_2_NoMoreIsSentThanTheStreamsWindow) {
    auto client = come_in(setting(4, 1000));
    client.gives_windows = false;
    const auto id = client.open(h2_request("GET", "/bytes?n=5000"));
    client.wait_head(id);
    while (client.answer(id).response.body.size() < 1000)
        ASSERT_TRUE(client.read_frame());
    client.settle();
    EXPECT_EQ(client.answer(id).response.body.size(), 1000u);
    client.send(window_update(id, 1));
    while (client.answer(id).response.body.size() < 1001)
        ASSERT_TRUE(client.read_frame());
    client.settle();
    EXPECT_EQ(client.answer(id).response.body.size(), 1001u);
    // RFC 9113 §6.9.2: a new setting moves the windows that are there.
    client.send(frame(FrameType::settings, 0, 0, setting(4, 2000)));
    while (client.answer(id).response.body.size() < 2001)
        ASSERT_TRUE(client.read_frame());
    client.send(window_update(id, 10'000));
    EXPECT_EQ(client.wait(id).response.body, blue_bytes(5000));
}

TEST_P(H2Streams, S5_2_NoMoreIsSentThanTheConnectionsWindow) {
    auto client = come_in(setting(4, 1'000'000));
    client.gives_windows = false;
    const auto one = client.open(h2_request("GET", "/bytes?n=50000"));
    const auto two = client.open(h2_request("GET", "/bytes?n=50000"));
    const auto got = [&] {
        return client.answer(one).response.body.size() + client.answer(two).response.body.size();
    };
    while (got() < 65535)
        ASSERT_TRUE(client.read_frame());
    client.settle();
    EXPECT_EQ(got(), 65535u);
    client.send(window_update(0, 100'000));
    EXPECT_EQ(client.wait(one).response.body, blue_bytes(50000));
    EXPECT_EQ(client.wait(two).response.body, blue_bytes(50000));
}

TEST_P(H2Streams, S5_2_AWindowMayBeNegative) {
    auto client = come_in(setting(4, 1000));
    client.gives_windows = false;
    const auto id = client.open(h2_request("GET", "/bytes?n=2000"));
    while (client.answer(id).response.body.size() < 1000)
        ASSERT_TRUE(client.read_frame());
    client.send(frame(FrameType::settings, 0, 0, setting(4, 100)) + window_update(id, 900));
    client.settle();
    EXPECT_EQ(client.answer(id).response.body.size(), 1000u);
    client.send(window_update(id, 1000));
    EXPECT_EQ(client.wait(id).response.body, blue_bytes(2000));
}

TEST_P(H2Streams, S5_2_WhatAStreamMaySendIsBoundedAndKeepsItsNeighboursGoing) {
    // The origin reads nothing of this upload.
    auto client = come_in();
    client.settle();
    const auto slow = client.open(h2_request("POST", "/hang?unread=1"), false);
    ASSERT_TRUE(eventually([this] { return started("/hang") == 1; }));
    const std::size_t window = client.settings().at(4);
    EXPECT_EQ(window, 128u * 1024);
    // More than its window is a flow-control error, so what it can hold is bounded; what fits into
    // the windows that we give goes through.
    const auto before = daemon().resident_bytes();
    std::size_t room = window;
    std::size_t seen_updates = 0;
    const auto add_room = [&] {
        const auto& frames = client.answer(slow).frames;
        for (; seen_updates < frames.size(); ++seen_updates) {
            if (frames[seen_updates].type != FrameType::window_update) continue;
            const auto& p = frames[seen_updates].payload;
            room += static_cast<unsigned char>(p[2]) * 256u + static_cast<unsigned char>(p[3]) +
                    static_cast<unsigned char>(p[1]) * 65536u;
        }
    };
    std::size_t sent = 0;
    while (sent < 64'000'000) {
        if (room < 16384) {
            client.settle();
            add_room();
            if (room < 16384) break;
        }
        client.send_data(slow, std::string(16384, 'x'));
        sent += 16384;
        room -= 16384;
    }
    EXPECT_LT(sent, 32'000'000u) << "nobody stopped the client";
    EXPECT_LT(daemon().resident_bytes(), before + kNoticeableBytes);
    // The connection's window is not held by it: neighbours upload many times as much.
    for (int i = 0; i < 40; ++i) {
        const auto answer = client.exchange("POST", "/upload", {}, std::string(65535, 'y'));
        ASSERT_EQ(answer.status, 200);
    }
}

TEST_P(H2Streams, S5_2_MoreThanTheWindowIsAFlowControlError) {
    auto client = come_in();
    client.settle();
    const auto id = client.open(h2_request("POST", "/hang?unread=1"), false);
    std::string flood;
    // What the sockets on the other side swallow is no part of it.
    for (int i = 0; i < 4000; ++i)
        flood += frame(FrameType::data, 0, id, std::string(16384, 'x'));
    static_cast<void>(client.socket().send_some(flood, Deadline(2s)));
    while (client.goaways().empty() && !client.answer(id).reset)
        ASSERT_TRUE(client.read_frame());
    EXPECT_EQ(client.goaways().empty() ? *client.answer(id).reset : client.goaways()[0].code,
              H2Code::flow_control_error);
}

TEST_P(H2Streams, S5_2_ASlowReaderHoldsLittleAndStopsNobody) {
    auto client = come_in(setting(4, 65535));
    client.gives_windows = false;
    const auto slow = client.open(h2_request("GET", "/bytes?n=1000000000"));
    while (client.answer(slow).response.body.size() < 65535)
        ASSERT_TRUE(client.read_frame());
    const auto before = daemon().resident_bytes();
    client.send(window_update(0, 10'000'000));
    for (int i = 0; i < 50; ++i) {
        const auto id = client.open(h2_request("GET", "/bytes?n=60000"));
        ASSERT_EQ(client.wait(id).response.body.size(), 60000u);
    }
    EXPECT_EQ(client.answer(slow).response.body.size(), 65535u);
    EXPECT_LT(daemon().resident_bytes(), before + kNoticeableBytes);
    client.send(rst_stream(slow, H2Code::cancel));
    EXPECT_TRUE(eventually([this] { return in_flight("/bytes") == 0; }));
}

TEST_P(H2Streams, S5_2_BigBodiesBothWays) {
    auto client = come_in(setting(4, 1'000'000));
    client.send(window_update(0, 10'000'000));
    const auto id = client.open(h2_request("GET", "/bytes?n=5000000"));
    EXPECT_EQ(client.wait(id).response.body, blue_bytes(5'000'000));
    // Within the window that there is in the beginning.
    const auto answer = client.exchange("POST", "/upload", {}, blue_bytes(60'000));
    EXPECT_EQ(seen_text(answer, "colour"), "blue");
}

// -- §5.4.2, §8.1: resets

TEST_P(H2Streams, S5_4_2_AResetIsTheClientLeaving) {
    auto client = come_in();
    const auto waiting = client.open(h2_request("GET", "/sleep?ms=60000"));
    const auto reading = client.open(h2_request("GET", "/bytes?n=1000000000"));
    const auto sending = client.open(h2_request("POST", "/upload"), false);
    client.send_data(sending, "abc");
    client.wait_head(reading);
    ASSERT_TRUE(eventually([this] {
        return in_flight("/sleep") == 1 && in_flight("/upload") == 1 && in_flight("/bytes") == 1;
    }));
    client.send(rst_stream(waiting, H2Code::cancel) + rst_stream(reading, H2Code::cancel) +
                rst_stream(sending, H2Code::cancel));
    EXPECT_TRUE(eventually([this] {
        return in_flight("/sleep") == 0 && in_flight("/upload") == 0 && in_flight("/bytes") == 0;
    }));
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
}

TEST_P(H2Streams, S5_4_2_AResetIsNotAnsweredByOne) {
    auto client = come_in();
    const auto waiting = client.open(h2_request("GET", "/sleep?ms=60000"));
    const auto sending = client.open(h2_request("POST", "/upload"), false);
    ASSERT_TRUE(eventually([this] { return in_flight("/upload") == 1; }));
    client.send(rst_stream(waiting, H2Code::cancel) + rst_stream(sending, H2Code::cancel));
    EXPECT_TRUE(
        eventually([this] { return in_flight("/sleep") == 0 && in_flight("/upload") == 0; }));
    client.settle();
    EXPECT_FALSE(client.answer(waiting).reset);
    EXPECT_FALSE(client.answer(sending).reset);
}

TEST_P(H2Streams, S6_4_NothingIsSentOnAStreamThatTheClientHasReset) {
    auto client = come_in();
    const auto id = client.open(h2_request("GET", "/bytes?n=1000000000"));
    client.wait_head(id);
    client.send(rst_stream(id, H2Code::cancel));
    client.settle();
    const auto before = client.answer(id).frames.size();
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
    EXPECT_TRUE(eventually([this] { return in_flight("/bytes") == 0; }));
    client.settle();
    EXPECT_EQ(client.answer(id).frames.size(), before);
}

TEST_P(H2Streams, S7_UnknownErrorCodesAreNothingSpecial) {
    auto client = come_in();
    const auto id = client.open(h2_request("GET", "/sleep?ms=60000"));
    ASSERT_TRUE(eventually([this] { return in_flight("/sleep") == 1; }));
    client.send(rst_stream(id, static_cast<H2Code>(0xbeef)));
    EXPECT_TRUE(eventually([this] { return in_flight("/sleep") == 0; }));
    const auto last = client.open(h2_request("GET", "/sleep?ms=200"));
    client.send(frame(FrameType::goaway, 0, 0, big_endian(0, 4) + big_endian(0xdeadbeef, 4)));
    EXPECT_EQ(client.wait(last).response.status, 200);
    client.wait_end();
}

TEST_P(H2Streams, S8_1_AnAnswerBeforeTheEndOfTheRequestIsWhole) {
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/early"), false);
    client.send_data(id, "a part");
    const auto& answer = client.wait(id);
    EXPECT_TRUE(answer.ended);
    EXPECT_EQ(answer.response.status, 413);
    EXPECT_EQ(answer.response.body, "too much for blue\n");
    while (!answer.reset)
        ASSERT_TRUE(client.read_frame());
    EXPECT_EQ(*answer.reset, H2Code::no_error);
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
}

TEST_P(H2Streams, S8_1_1_ACutAnswerCantBeTakenForTheWhole) {
    auto client = come_in();
    for (const std::string_view path :
         {"/truncate?n=1000", "/reset?n=1000", "/truncate?n=1000&chunked=1"}) {
        const auto id = client.open(h2_request("GET", path));
        const auto& answer = client.wait(id);
        EXPECT_FALSE(answer.ended) << path;
        ASSERT_TRUE(answer.reset) << path;
        EXPECT_EQ(*answer.reset, H2Code::internal_error) << path;
    }
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
}

}  // namespace
}  // namespace switchyard::test
