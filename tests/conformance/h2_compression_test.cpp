// RFC 9113 §4.3 and RFC 7541: the tables of both sides stay in step, whatever becomes of a stream.
#include "conformance/h2_wire.hpp"

namespace switchyard::test {
namespace {

class H2Compression : public H2Wire {};
INSTANTIATE_TEST_SUITE_P(Over, H2Compression, both_transports(), transport_name);

/// A field that is put into the table as its newest entry (RFC 7541 §6.2.1).
std::string indexed(std::string_view name, std::string_view value) {
    std::string out = "\x40";
    out += static_cast<char>(name.size());
    out += name;
    out += static_cast<char>(value.size());
    return out.append(value);
}
/// The newest entry of the table (RFC 7541 §6.1).
const std::string kNewest = "\xbe";
/// A change of the table's size (RFC 7541 §6.3), below 31.
std::string table_size(unsigned size) {
    return {static_cast<char>(0x20 | size)};
}

constexpr std::uint8_t kWhole = kEndHeaders | kEndStream;

TEST_P(H2Compression, S4_3_ABlockOfAMalformedRequestFeedsTheTable) {
    start_wire();
    auto client = come_in();
    const auto bad = client.next_stream();
    client.send(frame(FrameType::headers, kWhole, bad,
                      header_block(h2_request("GET", "/echo", {{"connection", "close"}})) +
                          indexed("x-kept", "one")));
    expect_reset(client, bad, H2Code::protocol_error);
    const auto id = client.next_stream();
    client.send(
        frame(FrameType::headers, kWhole, id, header_block(h2_request("GET", "/echo")) + kNewest));
    EXPECT_EQ(seen(client.wait(id).response, "x-kept"), Strings{"one"});
}

TEST_P(H2Compression, S4_3_ABlockOfARefusedStreamFeedsTheTable) {
    start_wire({}, "http2: {max_concurrent_streams: 1}\n");
    auto client = come_in();
    client.acknowledges = false;  // So the limit is nobody's fault yet.
    const auto first = client.open(h2_request("POST", "/echo"), false);
    const auto refused = client.next_stream();
    client.send(frame(FrameType::headers, kWhole, refused,
                      header_block(h2_request("GET", "/echo")) + indexed("x-kept", "two")));
    expect_reset(client, refused, H2Code::refused_stream);
    client.send_data(first, {}, true);
    EXPECT_EQ(client.wait(first).response.status, 200);
    const auto id = client.next_stream();
    client.send(
        frame(FrameType::headers, kWhole, id, header_block(h2_request("GET", "/echo")) + kNewest));
    EXPECT_EQ(seen(client.wait(id).response, "x-kept"), Strings{"two"});
}

TEST_P(H2Compression, S4_3_TrailersOfAStreamThatWeHaveResetFeedTheTable) {
    start_wire();
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/early"), false);
    // They may have been under way when the answer came; §5.1: minimally processed, and discarded.
    EXPECT_EQ(client.wait(id).response.status, 413);
    while (!client.answer(id).reset)
        ASSERT_TRUE(client.read_frame());
    client.send(frame(FrameType::headers, kWhole, id, indexed("x-kept", "three")));
    const auto next = client.next_stream();
    client.send(frame(FrameType::headers, kWhole, next,
                      header_block(h2_request("GET", "/echo")) + kNewest));
    EXPECT_EQ(seen(client.wait(next).response, "x-kept"), Strings{"three"});
}

TEST_P(H2Compression, S4_3_1_ATableOverOurLimitIsACompressionError) {
    start_wire({}, "http2: {header_table: 20}\n");
    const auto block = header_block(h2_request("GET", "/echo"));
    auto client = come_in();
    client.settle();
    EXPECT_EQ(client.settings().at(1), 20u);
    const auto id = client.next_stream();
    client.send(frame(FrameType::headers, kWhole, id, table_size(20) + block));
    EXPECT_EQ(client.wait(id).response.status, 200);
    const auto over = client.next_stream();
    client.send(frame(FrameType::headers, kWhole, over, table_size(21) + block));
    expect_goaway(client, H2Code::compression_error);
}

TEST_P(H2Compression, S4_3_1_AReductionThatIsNotSaidIsACompressionError) {
    start_wire({}, "http2: {header_table: 0}\n");
    // Our SETTINGS are acknowledged, and the block behind does not begin with the new size.
    expect_connection_error(headers(1, h2_request("GET", "/never")), H2Code::compression_error);
    EXPECT_EQ(started("/never"), 0);
}

TEST_P(H2Compression, S4_3_1_ASizeWithinABlockIsACompressionError) {
    start_wire();
    // RFC 7541 §4.2: at the beginning only.
    expect_connection_error(frame(FrameType::headers, kWhole, 1,
                                  header_block(h2_request("GET", "/never")) + table_size(0)),
                            H2Code::compression_error);
}

TEST_P(H2Compression, S4_3_1_TheClientsTableIsNoLargerThanItSays) {
    start_wire();
    auto client = come_in(setting(1, 0));
    for (int i = 0; i < 3; ++i) {
        const auto id = client.open(h2_request("GET", "/"));
        const auto& answer = client.wait(id);
        EXPECT_EQ(answer.response.status, 200);
        for (const Frame& each : answer.frames) {
            if (each.type != FrameType::headers) continue;
            const auto octet = static_cast<unsigned char>(each.payload.front());
            // The first block says so; nothing is ever put into the table, nor taken from it.
            if (i == 0) {
                EXPECT_EQ(octet, 0x20);
            }
            EXPECT_NE(octet & 0xc0, 0x40);
        }
    }
}

}  // namespace
}  // namespace switchyard::test
