#include "relay/frame_tracker.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::relay {
namespace {

using Sender = FrameTracker::Sender;
using Stop = FrameTracker::Stop;

/// A frame as a server sends it, or masked as a client does.
std::string frame(unsigned first, std::size_t size, bool masked = false) {
    std::string out(1, static_cast<char>(first));
    const unsigned mask = masked ? 0x80 : 0;
    if (size < 126) {
        out += static_cast<char>(mask | size);
    } else if (size < 0x10000) {
        out += static_cast<char>(mask | 126);
        out += static_cast<char>(size >> 8);
        out += static_cast<char>(size & 0xff);
    } else {
        out += static_cast<char>(mask | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            out += static_cast<char>(size >> shift & 0xff);
    }
    if (masked) out += std::string(4, '\x88');  // Looks like a Close, if taken for a header.
    return out.append(size, '\x88');
}

constexpr unsigned kText = 0x81;
constexpr unsigned kFirstPart = 0x01;
constexpr unsigned kPart = 0x00;
constexpr unsigned kLastPart = 0x80;
constexpr unsigned kPing = 0x89;
constexpr unsigned kClose = 0x88;

/// All kinds of frames, and where a frame, or a message, has ended before the last octet.
struct Stream {
    std::string octets;
    std::vector<bool> frame_ends{true};
    std::vector<bool> message_ends{true};

    void add(const std::string& frame_octets, bool message) {
        octets += frame_octets;
        frame_ends.resize(octets.size() + 1, false);
        message_ends.resize(octets.size() + 1, false);
        frame_ends.back() = true;
        message_ends.back() = message;
    }
};

Stream all_kinds(bool masked) {
    Stream stream;
    stream.add(frame(kText, 5, masked), true);
    stream.add(frame(kText, 0, masked), true);
    stream.add(frame(0xc2, 125, masked), true);  // With RSV1, as RFC 7692 does.
    stream.add(frame(kFirstPart, 3, masked), false);
    stream.add(frame(kPing, 4, masked), false);
    stream.add(frame(kPart, 126, masked), false);
    stream.add(frame(kPing, 0, masked), false);
    stream.add(frame(kLastPart, 2, masked), true);
    stream.add(frame(0x8a, 125, masked), true);
    stream.add(frame(0x82, 300, masked), true);
    return stream;
}

class Splits : public testing::TestWithParam<Sender> {};
INSTANTIATE_TEST_SUITE_P(Of, Splits, testing::Values(Sender::client, Sender::server));

TEST_P(Splits, EveryPlaceIsJudgedTheSameOctetByOctet) {
    const Stream stream = all_kinds(GetParam() == Sender::client);
    FrameTracker tracker(GetParam());
    for (std::size_t i = 0; i <= stream.octets.size(); ++i) {
        EXPECT_EQ(tracker.between_frames(), stream.frame_ends[i]) << i;
        EXPECT_EQ(tracker.between_messages(), stream.message_ends[i]) << i;
        EXPECT_FALSE(tracker.broken()) << i;
        EXPECT_FALSE(tracker.closed()) << i;
        if (i < stream.octets.size()) {
            EXPECT_EQ(tracker.follow({&stream.octets[i], 1}, Stop::nowhere), 1u);
        }
    }
}

TEST_P(Splits, ItStopsAtTheNextPlaceWhereverTheOctetsAreSplit) {
    const Stream stream = all_kinds(GetParam() == Sender::client);
    for (const Stop stop : {Stop::frame, Stop::message}) {
        const auto& ends = stop == Stop::frame ? stream.frame_ends : stream.message_ends;
        for (std::size_t split = 0; split <= stream.octets.size(); ++split) {
            FrameTracker tracker(GetParam());
            const std::string_view all = stream.octets;
            ASSERT_EQ(tracker.follow(all.substr(0, split), Stop::nowhere), split);
            std::size_t expected = split;
            while (!ends[expected])
                ++expected;
            EXPECT_EQ(split + tracker.follow(all.substr(split), stop), expected) << split;
        }
    }
}

TEST_P(Splits, LongFramesAreNotMeasuredByTheirOctets) {
    const bool masked = GetParam() == Sender::client;
    for (const std::size_t size : {65'535u, 65'536u, 1'000'000u}) {
        FrameTracker tracker(GetParam());
        const std::string octets = frame(kText, size, masked) + frame(kPing, 1, masked);
        EXPECT_EQ(tracker.follow(octets, Stop::nowhere), octets.size());
        EXPECT_TRUE(tracker.between_messages()) << size;
    }
}

TEST_P(Splits, NothingIsFollowedBehindAClose) {
    const bool masked = GetParam() == Sender::client;
    const std::string close = frame(kClose, 2, masked);
    for (std::size_t split = 0; split <= close.size(); ++split) {
        FrameTracker tracker(GetParam());
        EXPECT_EQ(tracker.follow(close.substr(0, split), Stop::nowhere), split);
        EXPECT_EQ(tracker.closed(), split == close.size());
        EXPECT_EQ(tracker.follow(close.substr(split) + "more", Stop::nowhere),
                  close.size() - split);
        EXPECT_TRUE(tracker.closed());
        EXPECT_FALSE(tracker.between_frames()) << "no place for another frame";
    }
}

TEST(FrameTracker, GivesUpWhatIsNoFrame) {
    struct Case {
        const char* what;
        std::string octets;
        Sender sender = Sender::server;
    };
    const std::vector<Case> cases{
        {"reserved opcode", frame(0x83, 1)},
        {"reserved control opcode", frame(0x8b, 1)},
        {"masked by a server", frame(kText, 1, true)},
        {"not masked by a client", frame(kText, 1), Sender::client},
        {"continuation of nothing", frame(kPart, 1)},
        {"message within a message", frame(kFirstPart, 1) + frame(kText, 1)},
        {"fragmented control frame", frame(0x09, 1)},
        {"long control frame", frame(kPing, 126)},
        {"16 bits for a short length", std::string("\x81\x7e\x00\x7d", 4)},
        {"64 bits for a short length", std::string("\x81\x7f\0\0\0\0\0\0\xff\xff", 10)},
        {"length with the first bit", std::string("\x81\x7f\x80\0\0\0\0\0\0\x01", 10)},
        {"another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n"},
    };
    for (const Case& one : cases) {
        FrameTracker tracker(one.sender);
        EXPECT_EQ(tracker.follow(one.octets, Stop::nowhere), one.octets.size()) << one.what;
        EXPECT_TRUE(tracker.broken()) << one.what;
        EXPECT_FALSE(tracker.between_frames()) << one.what;
        EXPECT_EQ(tracker.follow("\x88", Stop::frame), 1u) << "all passes: " << one.what;
        EXPECT_FALSE(tracker.closed());
    }
}

TEST(CloseFrame, IsAGoingAwayThatTheOtherSideUnderstands) {
    const CloseFrame plain = CloseFrame::to_client();
    EXPECT_EQ(plain.view(), std::string_view("\x88\x02\x03\xe9", 4));
    FrameTracker server(Sender::server);
    EXPECT_EQ(server.follow(plain.view(), Stop::nowhere), 4u);
    EXPECT_TRUE(server.closed());

    const CloseFrame masked = CloseFrame::to_server(0xdeadbeef);
    FrameTracker client(Sender::client);
    EXPECT_EQ(client.follow(masked.view(), Stop::nowhere), 8u);
    EXPECT_TRUE(client.closed());
    const std::string_view text = masked.view();
    EXPECT_EQ(static_cast<unsigned char>(text[6] ^ text[2]), 1001 >> 8);
    EXPECT_EQ(static_cast<unsigned char>(text[7] ^ text[3]), 1001 & 0xff);
}

}  // namespace
}  // namespace switchyard::relay
