// RFC 9113 §3, §4 and §6: the preface, the layout of frames, and what each type may not be. The
// names say the section.
#include "conformance/h2_wire.hpp"

namespace switchyard::test {
namespace {

class H2Frames : public H2Wire {
  protected:
    void SetUp() override { start_wire(); }
};
INSTANTIATE_TEST_SUITE_P(Over, H2Frames, both_transports(), transport_name);

constexpr auto kUnknown = static_cast<FrameType>(0xbe);

// -- §3: starting

TEST_P(H2Frames, S3_4_OurPrefaceIsASettingsFrame) {
    auto client = come_in();
    ASSERT_TRUE(client.read_frame());
    ASSERT_EQ(client.connection_frames().size(), 1u);
    EXPECT_EQ(client.connection_frames()[0].type, FrameType::settings);
    EXPECT_FALSE(client.connection_frames()[0].has(kAck));
}

TEST_P(H2Frames, S3_4_APrefaceThatIsNoneEndsTheConnection) {
    if (GetParam() == Transport::h2c) GTEST_SKIP() << "what is no preface is HTTP/1 there";
    auto client = knock();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // Ours, GOAWAY, and the end.
    try {
        while (client.read_more()) {
        }
    } catch (const ClientError& error) {
        EXPECT_NE(error.kind, ClientError::Kind::timeout);
    }
    EXPECT_EQ(started("/"), 0);
}

TEST_P(H2Frames, S3_4_ThePrefaceMayComeOctetByOctet) {
    auto client = knock();
    const std::string start = std::string(kH2Preface) + frame(FrameType::settings, 0, 0);
    for (const char c : start)
        client.send(std::string_view(&c, 1));
    client.send(headers(1, h2_request("GET", "/")));
    client.send(frame(FrameType::ping, 0, 0, "12345678"));
    const auto seen_ping = [&] {
        return client.buffered().find("12345678") != std::string_view::npos;
    };
    while (!seen_ping())
        ASSERT_TRUE(client.read_more());
}

TEST_P(H2Frames, S3_4_TheFirstFrameMustBeSettings) {
    auto raw = knock();
    raw.send(std::string(kH2Preface) + frame(FrameType::ping, 0, 0, "12345678"));
    // Nothing is served on it.
    raw.send(headers(1, h2_request("GET", "/never")));
    try {
        while (raw.read_more()) {
        }
    } catch (const ClientError& error) {
        EXPECT_NE(error.kind, ClientError::Kind::timeout);
    }
    EXPECT_EQ(started("/never"), 0);
}

TEST_P(H2Frames, S3_2_BothProtocolsAreSpokenOnOneListener) {
    if (GetParam() == Transport::h2) {
        EXPECT_EQ(knock({"h2", "http/1.1"}).tls().alpn, "h2");
        EXPECT_EQ(knock({"http/1.1", "h2"}).tls().alpn, "h2") << "ours is the choice";
        EXPECT_EQ(knock({"http/1.1"}).tls().alpn, "http/1.1");
        EXPECT_EQ(knock({}).tls().alpn, "");
        EXPECT_THROW(knock({"h3"}), ClientError);
    }
    auto client = knock({"http/1.1"});
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    auto posting = knock({"http/1.1"});
    posting.send("P");
    posting.send("OST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_EQ(read_response(posting, "POST").status, 200);
}

// -- §4: frames

TEST_P(H2Frames, S4_1_UnknownTypesAndFlagsAreIgnored) {
    auto client = come_in();
    client.send(frame(kUnknown, 0xff, 0, "whatever") + frame(kUnknown, 0, 77, ""));
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
    client.send(frame(FrameType::ping, 0xf0 & ~kAck, 0, "12345678"));
    client.settle();
    // The reserved bit of a stream's id, too.
    const auto id = client.next_stream();
    client.send(headers(id | 0x80000000U, h2_request("GET", "/")));
    EXPECT_EQ(client.wait(id).response.status, 200);
}

TEST_P(H2Frames, S4_2_LargerThanAllowedIsAFrameSizeError) {
    const std::string large(16385, 'x');
    expect_connection_error(frame(kUnknown, 0, 0, large), H2Code::frame_size_error);
    expect_connection_error(frame(FrameType::headers, kEndHeaders, 1, large),
                            H2Code::frame_size_error);
    auto client = come_in();
    client.send(headers(1, h2_request("POST", "/upload"), kEndHeaders));
    client.send(frame(FrameType::data, kEndStream, 1, large));
    while (client.goaways().empty() && !client.answer(1).reset)
        ASSERT_TRUE(client.read_frame());
    const H2Code code =
        client.goaways().empty() ? *client.answer(1).reset : client.goaways()[0].code;
    EXPECT_EQ(code, H2Code::frame_size_error);
}

TEST_P(H2Frames, S4_2_TheLargestThatIsAllowedPasses) {
    auto client = come_in();
    client.send(frame(kUnknown, 0, 0, std::string(16384, 'x')));
    const auto body = std::string(16384, 'x');
    EXPECT_EQ(client.exchange("POST", "/upload", {}, body).status, 200);
}

TEST_P(H2Frames, S4_3_ABlockThatCantBeDecodedIsACompressionError) {
    // An index that does not exist (RFC 7541 §2.3.3), and a string that ends too early.
    expect_connection_error(frame(FrameType::headers, kEndHeaders | kEndStream, 1, "\xff\xff\x01"),
                            H2Code::compression_error);
    const std::string short_name(
        "\x00\x0a"
        "abc",
        5);
    expect_connection_error(frame(FrameType::headers, kEndHeaders | kEndStream, 1, short_name),
                            H2Code::compression_error);
}

TEST_P(H2Frames, S4_3_NothingMayComeBetweenTheFramesOfABlock) {
    const auto block = header_block(h2_request("GET", "/never"));
    const auto begun = frame(FrameType::headers, kEndStream, 1, block.substr(0, 10));
    expect_connection_error(begun + frame(FrameType::ping, 0, 0, "12345678"),
                            H2Code::protocol_error);
    expect_connection_error(begun + frame(kUnknown, 0, 1, ""), H2Code::protocol_error);
    expect_connection_error(begun + frame(FrameType::data, kEndStream, 1, ""),
                            H2Code::protocol_error);
    expect_connection_error(
        begun + frame(FrameType::continuation, kEndHeaders, 3, block.substr(10)),
        H2Code::protocol_error);
    EXPECT_EQ(started("/never"), 0);
}

// -- §6.1: DATA

TEST_P(H2Frames, S6_1_DataNeedsAStream) {
    expect_connection_error(frame(FrameType::data, 0, 0, "x"), H2Code::protocol_error);
    expect_connection_error(frame(FrameType::data, 0, 1, "x"), H2Code::protocol_error);
}

TEST_P(H2Frames, S6_1_PaddingIsTakenOff) {
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/echo", {{"content-length", "5"}}), false);
    const std::string padded = std::string("\x04", 1) + "hello" + std::string(4, '\0');
    client.send(frame(FrameType::data, kPadded | kEndStream, id, padded));
    EXPECT_EQ(seen_text(client.wait(id).response, "body"), "hello");
}

TEST_P(H2Frames, S6_1_PaddingCountsForFlowControlAndIsGivenBack) {
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/upload"), false);
    // Four times the stream's window, of which hardly anything is content.
    const std::string padded = std::string("\xfe", 1) + "x" + std::string(254, '\0');
    for (int i = 0; i < 2'000; ++i) {
        client.send(frame(FrameType::data, kPadded, id, padded));
        if (i % 100 == 99) client.settle();
    }
    client.send_data(id, {}, true);
    EXPECT_EQ(client.wait(id).response.status, 200);
    EXPECT_EQ(boost::json::parse(client.answer(id).response.body).at("bytes").to_number<int>(),
              2'000);
}

TEST_P(H2Frames, S6_1_MorePaddingThanFrameIsAProtocolError) {
    const auto open = headers(1, h2_request("POST", "/upload"), kEndHeaders);
    expect_connection_error(
        open + frame(FrameType::data, kPadded, 1, std::string("\x05", 1) + "abcd"),
        H2Code::protocol_error);
}

// -- §6.2: HEADERS

TEST_P(H2Frames, S6_2_HeadersNeedAStream) {
    expect_connection_error(headers(0, h2_request("GET", "/")), H2Code::protocol_error);
}

TEST_P(H2Frames, S6_2_PaddingAndPriorityAreTakenOff) {
    auto client = come_in();
    const auto id = client.next_stream();
    const std::string payload = std::string("\x03", 1) + big_endian(0, 4) + "\x10" +
                                header_block(h2_request("GET", "/echo")) + std::string(3, '\0');
    client.send(
        frame(FrameType::headers, kEndHeaders | kEndStream | kPadded | kPriorityFlag, id, payload));
    EXPECT_EQ(seen_text(client.wait(id).response, "path"), "/echo");
}

TEST_P(H2Frames, S6_2_MorePaddingThanFrameIsAProtocolError) {
    expect_connection_error(frame(FrameType::headers, kEndHeaders | kPadded, 1, "\xff"),
                            H2Code::protocol_error);
}

// -- §6.3: PRIORITY

TEST_P(H2Frames, S6_3_PrioritiesAreIgnored) {
    auto client = come_in();
    client.send(frame(FrameType::priority, 0, 1, big_endian(0, 4) + "\x10"));
    client.send(frame(FrameType::priority, 0, 7, big_endian(5, 4) + "\x10"));
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
    // RFC 9218: neither is its field anybody's business here, nor its frame.
    client.send(frame(static_cast<FrameType>(0x10), 0, 0, big_endian(3, 4) + "u=0, i"));
    const auto echo = client.exchange("GET", "/echo", {{"priority", "u=1, i"}});
    EXPECT_EQ(seen(echo, "priority"), Strings{"u=1, i"});
}

TEST_P(H2Frames, S6_3_PriorityNeedsAStreamAndFiveOctets) {
    expect_connection_error(frame(FrameType::priority, 0, 0, big_endian(1, 5)),
                            H2Code::protocol_error);
    auto client = come_in();
    client.send(frame(FrameType::priority, 0, 1, big_endian(1, 4)));
    while (client.goaways().empty() && !client.answer(1).reset)
        ASSERT_TRUE(client.read_frame());
    EXPECT_EQ(client.goaways().empty() ? *client.answer(1).reset : client.goaways()[0].code,
              H2Code::frame_size_error);
}

// -- §6.4: RST_STREAM

TEST_P(H2Frames, S6_4_ResetsNeedAStreamThatIsNotIdle) {
    expect_connection_error(rst_stream(0, H2Code::cancel), H2Code::protocol_error);
    expect_connection_error(rst_stream(1, H2Code::cancel), H2Code::protocol_error);
}

TEST_P(H2Frames, S6_4_ResetsHaveFourOctets) {
    const auto open = headers(1, h2_request("GET", "/sleep?ms=60000"));
    expect_connection_error(open + frame(FrameType::rst_stream, 0, 1, "abc"),
                            H2Code::frame_size_error);
}

// -- §6.5: SETTINGS

TEST_P(H2Frames, S6_5_SettingsAreAcknowledged) {
    auto client = come_in(setting(4, 100'000));
    client.settle();
    int acknowledged = 0;
    for (const auto& got : client.connection_frames()) {
        if (got.type != FrameType::settings || !got.has(kAck)) continue;
        ++acknowledged;
        EXPECT_EQ(got.payload, "");
    }
    EXPECT_EQ(acknowledged, 1);
}

TEST_P(H2Frames, S6_5_SettingsAreOfTheConnectionAndWhole) {
    expect_connection_error(frame(FrameType::settings, 0, 1), H2Code::protocol_error);
    expect_connection_error(frame(FrameType::settings, 0, 0, "12345"), H2Code::frame_size_error);
    expect_connection_error(frame(FrameType::settings, kAck, 0, setting(3, 1)),
                            H2Code::frame_size_error);
}

TEST_P(H2Frames, S6_5_2_ValuesOutOfRange) {
    const auto with = [](std::uint16_t id, std::uint32_t value) {
        return frame(FrameType::settings, 0, 0, setting(id, value));
    };
    expect_connection_error(with(2, 2), H2Code::protocol_error);                // ENABLE_PUSH
    expect_connection_error(with(4, 0x80000000U), H2Code::flow_control_error);  // a window
    expect_connection_error(with(5, 16383), H2Code::protocol_error);            // MAX_FRAME_SIZE
    expect_connection_error(with(5, 16777216), H2Code::protocol_error);
}

TEST_P(H2Frames, S6_5_2_SwitchesAreOnOrOff) {
    // RFC 8441 §3, RFC 9218 §2.1
    for (const std::uint16_t id : {std::uint16_t{8}, std::uint16_t{9}}) {
        expect_connection_error(frame(FrameType::settings, 0, 0, setting(id, 2)),
                                H2Code::protocol_error);
    }
}

TEST_P(H2Frames, S6_5_3_ValuesCountInTheirOrder) {
    auto client = come_in(setting(4, 1000) + setting(4, 10));
    client.gives_windows = false;
    const auto id = client.open(h2_request("GET", "/bytes?n=2000"));
    client.wait_head(id);
    while (client.answer(id).response.body.size() < 10)
        ASSERT_TRUE(client.read_frame());
    client.settle();
    EXPECT_EQ(client.answer(id).response.body.size(), 10u);
}

TEST_P(H2Frames, S6_5_2_UnknownSettingsAreIgnored) {
    auto client = come_in(setting(0xbeef, 7) + setting(3, 5));
    EXPECT_EQ(client.exchange("GET", "/").status, 200);
}

TEST_P(H2Frames, S6_5_2_OursSayWhatHolds) {
    auto client = come_in();
    client.settle();
    EXPECT_EQ(client.settings().at(3), 100u);         // MAX_CONCURRENT_STREAMS
    EXPECT_EQ(client.settings().at(4), 128u * 1024);  // INITIAL_WINDOW_SIZE
    EXPECT_EQ(client.settings().at(6), 32u * 1024);   // MAX_HEADER_LIST_SIZE
    EXPECT_EQ(client.settings().at(9), 1u);           // NO_RFC7540_PRIORITIES
    EXPECT_FALSE(client.settings().contains(2));      // ENABLE_PUSH is the client's to say.
}

// -- §6.6: PUSH_PROMISE

TEST_P(H2Frames, S6_6_ClientsPromiseNothing) {
    const auto open = headers(1, h2_request("GET", "/sleep?ms=60000"));
    expect_connection_error(open + frame(FrameType::push_promise, kEndHeaders, 1,
                                         big_endian(2, 4) + header_block(h2_request("GET", "/"))),
                            H2Code::protocol_error);
}

// -- §6.7: PING

TEST_P(H2Frames, S6_7_PingsComeBackAsTheyWere) {
    auto client = come_in();
    client.settle();
    client.send(frame(FrameType::ping, 0, 0,
                      "\x01\xff"
                      "abcdef"));
    const auto came = [&] {
        const Frame& last = client.connection_frames().back();
        return last.type == FrameType::ping && last.has(kAck) &&
               last.payload ==
                   "\x01\xff"
                   "abcdef";
    };
    while (!came())
        ASSERT_TRUE(client.read_frame());
    // What is an answer is not answered.
    const auto before = client.connection_frames().size();
    client.send(frame(FrameType::ping, kAck, 0, "12345678"));
    client.settle();
    EXPECT_EQ(client.connection_frames().size(), before + 1) << "the PING of settle() alone";
}

TEST_P(H2Frames, S6_7_PingsAreOfTheConnectionAndHaveEightOctets) {
    expect_connection_error(frame(FrameType::ping, 0, 1, "12345678"), H2Code::protocol_error);
    expect_connection_error(frame(FrameType::ping, 0, 0, "1234567"), H2Code::frame_size_error);
    expect_connection_error(frame(FrameType::ping, 0, 0, "123456789"), H2Code::frame_size_error);
}

// -- §6.8: GOAWAY

TEST_P(H2Frames, S6_8_GoawayIsOfTheConnection) {
    expect_connection_error(frame(FrameType::goaway, 0, 1, big_endian(0, 8)),
                            H2Code::protocol_error);
    expect_connection_error(frame(FrameType::goaway, 0, 0, "1234567"), H2Code::frame_size_error);
}

TEST_P(H2Frames, S6_8_AClientThatGoesAwayGetsItsAnswers) {
    auto client = come_in();
    const auto id = client.open(h2_request("GET", "/sleep?ms=200"));
    client.send(frame(FrameType::goaway, 0, 0, big_endian(0, 8)));
    EXPECT_EQ(client.wait(id).response.status, 200);
    client.wait_end();
}

// -- §6.9: WINDOW_UPDATE

TEST_P(H2Frames, S6_9_ZeroIsAnErrorOfTheStreamOrTheConnection) {
    expect_connection_error(window_update(0, 0), H2Code::protocol_error);
    auto client = come_in();
    client.send(headers(1, h2_request("GET", "/sleep?ms=60000")) + window_update(1, 0));
    while (client.goaways().empty() && !client.answer(1).reset)
        ASSERT_TRUE(client.read_frame());
    EXPECT_EQ(client.goaways().empty() ? *client.answer(1).reset : client.goaways()[0].code,
              H2Code::protocol_error);
}

TEST_P(H2Frames, S6_9_UpdatesHaveFourOctetsAndNoIdleStream) {
    expect_connection_error(frame(FrameType::window_update, 0, 0, "123"), H2Code::frame_size_error);
    expect_connection_error(window_update(1, 1), H2Code::protocol_error);
}

TEST_P(H2Frames, S6_9_1_AWindowOverTheMostIsAFlowControlError) {
    expect_connection_error(window_update(0, 0x7fffffff), H2Code::flow_control_error);
    expect_stream_error(
        headers(1, h2_request("GET", "/sleep?ms=60000")) + window_update(1, 0x7fffffff),
        H2Code::flow_control_error);
}

TEST_P(H2Frames, S6_9_1_AHeadNeedsNoWindow) {
    auto client = come_in(setting(4, 0));
    EXPECT_EQ(client.exchange("GET", "/bytes?n=0").status, 200);
    const auto id = client.open(h2_request("GET", "/bytes?n=5"));
    EXPECT_EQ(client.wait_head(id).response.status, 200);
    client.settle();
    EXPECT_EQ(client.answer(id).response.body, "");
    client.send(window_update(id, 5));
    EXPECT_EQ(client.wait(id).response.body, blue_bytes(5));
}

TEST_P(H2Frames, S6_9_2_ASettingThatMakesAWindowTooLargeIsAFlowControlError) {
    expect_connection_error(headers(1, h2_request("GET", "/sleep?ms=60000")) +
                                window_update(1, 0x7fffffff - 65535) +
                                frame(FrameType::settings, 0, 0, setting(4, 65536)),
                            H2Code::flow_control_error);
}

// -- §6.10: CONTINUATION

TEST_P(H2Frames, S6_10_ContinuationsContinueSomething) {
    const auto block = header_block(h2_request("GET", "/"));
    expect_connection_error(frame(FrameType::continuation, kEndHeaders, 0, block),
                            H2Code::protocol_error);
    expect_connection_error(frame(FrameType::continuation, kEndHeaders, 1, block),
                            H2Code::protocol_error);
    expect_connection_error(headers(1, h2_request("POST", "/upload"), kEndHeaders) +
                                frame(FrameType::continuation, kEndHeaders, 1, block),
                            H2Code::protocol_error);
}

TEST_P(H2Frames, S6_10_ABlockMayComeInPieces) {
    auto client = come_in();
    const auto block =
        header_block(h2_request("GET", "/echo", {{"x-long", std::string(500, 'v')}}));
    const auto id = client.next_stream();
    client.send(frame(FrameType::headers, kEndStream, id, block.substr(0, 3)) +
                frame(FrameType::continuation, 0, id, block.substr(3, 100)) +
                frame(FrameType::continuation, kEndHeaders, id, block.substr(103)));
    EXPECT_EQ(seen(client.wait(id).response, "x-long"), Strings{std::string(500, 'v')});
}

}  // namespace
}  // namespace switchyard::test
