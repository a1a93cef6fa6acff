// Bodies read from a stream and messages written to one, over real sockets.
#include "base/buffer.hpp"
#include "h1/message_body.hpp"
#include "h1/message_writer.hpp"
#include "unit/net/support.hpp"

#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::h1 {
namespace {

using namespace std::chrono_literals;
using http::Chunk;
using http::Fault;
using http::Fields;
using http::Framing;
using net::EventLoop;
using net::Stream;
using net::test::Pair;
using net::test::run;

constexpr std::uint64_t kUnlimited = 0;

void put(Buffer& buffer, std::string_view text) {
    buffer.reserve(text.size() + 1);
    std::memcpy(buffer.tail(), text.data(), text.size());
    buffer.commit(text.size());
}

struct Pulled {
    std::string data;
    Fault fault = Fault::none;
    bool last = false;
    std::string trailers;
};

Task<void> pull(MessageBody& body, Pulled& into) {
    while (!into.last && into.fault == Fault::none) {
        Chunk chunk;
        if (!body.try_next(chunk)) chunk = co_await body.next();
        into.data += chunk.data;
        into.fault = chunk.fault;
        into.last = chunk.last;
    }
    for (const http::Field& field : body.trailers()) {
        into.trailers.append(field.name).append("=").append(field.value).append(";");
    }
}

struct BodyCase {
    std::string received;  ///< What came with the head.
    std::string sent;      ///< What comes later.
    bool ends = false;     ///< The peer ends its side after that.
    Framing framing = Framing::none;
    std::uint64_t length = 0;
    std::uint64_t limit = kUnlimited;
    bool one_buffer = false;
};

struct BodyResult {
    Pulled pulled;
    std::string left;  ///< What is still in the buffers, for the next message.
    bool finished = false;
    std::uint64_t received = 0;
};

Task<void> read_body(EventLoop& loop, const BodyCase& c, BodyResult& result) {
    auto pair = Pair::local();
    Stream stream(loop);
    EXPECT_TRUE(stream.open(pair.take_ours()));
    pair.send(c.sent);
    if (c.ends) pair.shut();
    Buffer first;
    Buffer second;
    put(first, c.received);
    Buffer& further = c.one_buffer ? first : second;
    MessageBody body;
    body.start(stream, first, further, c.framing, c.length, c.limit, 150ms);
    co_await pull(body, result.pulled);
    result.left = std::string(first.view());
    if (!c.one_buffer) result.left += second.view();
    result.finished = body.finished();
    result.received = body.received();
}

BodyResult read_body(const BodyCase& c) {
    EventLoop loop;
    BodyResult result;
    run(loop, read_body(loop, c, result));
    return result;
}

TEST(MessageBody, WithoutFramingIsOverAtOnce) {
    const auto result = read_body({.received = "GET", .sent = "", .framing = Framing::none});
    EXPECT_TRUE(result.pulled.last);
    EXPECT_EQ(result.pulled.data, "");
    EXPECT_EQ(result.left, "GET");
}

TEST(MessageBody, OfALengthTakesThatMuchAndNoMore) {
    for (const bool one_buffer : {false, true}) {
        const auto result = read_body({.received = "hel",
                                       .sent = "lo",
                                       .framing = Framing::length,
                                       .length = 5,
                                       .one_buffer = one_buffer});
        EXPECT_EQ(result.pulled.data, "hello");
        EXPECT_TRUE(result.finished);
        EXPECT_EQ(result.received, 5U);
        const auto pipelined = read_body({.received = "helloGET",
                                          .sent = "",
                                          .framing = Framing::length,
                                          .length = 5,
                                          .one_buffer = one_buffer});
        EXPECT_EQ(pipelined.pulled.data, "hello");
        EXPECT_EQ(pipelined.left, "GET");
    }
}

TEST(MessageBody, OfALengthThatEndsTooEarlyIsAFault) {
    const auto result = read_body(
        {.received = "hel", .sent = "l", .ends = true, .framing = Framing::length, .length = 5});
    EXPECT_EQ(result.pulled.data, "hell");
    EXPECT_EQ(result.pulled.fault, Fault::closed);
    EXPECT_FALSE(result.finished);
}

TEST(MessageBody, ThatStopsTimesOut) {
    const auto result =
        read_body({.received = "", .sent = "he", .framing = Framing::length, .length = 5});
    EXPECT_EQ(result.pulled.data, "he");
    EXPECT_EQ(result.pulled.fault, Fault::timed_out);
}

TEST(MessageBody, InChunksGivesDataTrailersAndTheRest) {
    for (const bool one_buffer : {false, true}) {
        const auto result = read_body({.received = "5\r\nhel",
                                       .sent = "lo\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\nGET",
                                       .framing = Framing::chunked,
                                       .one_buffer = one_buffer});
        EXPECT_EQ(result.pulled.data, "hello!");
        EXPECT_EQ(result.pulled.trailers, "X-Sum=1;");
        EXPECT_EQ(result.left, "GET");
        EXPECT_EQ(result.received, 6U);
    }
}

TEST(MessageBody, InBadChunksIsMalformed) {
    const auto result =
        read_body({.received = "5\r\nhello", .sent = "!\r\n", .framing = Framing::chunked});
    EXPECT_EQ(result.pulled.fault, Fault::malformed);
    EXPECT_FALSE(result.finished);
}

TEST(MessageBody, InChunksThatEndTooEarlyIsAFault) {
    const auto result = read_body(
        {.received = "5\r\nhello", .sent = "\r\n", .ends = true, .framing = Framing::chunked});
    EXPECT_EQ(result.pulled.data, "hello");
    EXPECT_EQ(result.pulled.fault, Fault::closed);
}

TEST(MessageBody, ToTheEndOfTheConnectionEndsWithIt) {
    const auto result = read_body({.received = "hel",
                                   .sent = "lo",
                                   .ends = true,
                                   .framing = Framing::close,
                                   .one_buffer = true});
    EXPECT_EQ(result.pulled.data, "hello");
    EXPECT_TRUE(result.pulled.last);
    EXPECT_TRUE(result.finished);
}

TEST(MessageBody, StopsAtItsLimit) {
    const auto exact = read_body({.received = "5\r\nhello\r\n0\r\n\r\n",
                                  .sent = "",
                                  .framing = Framing::chunked,
                                  .limit = 5});
    EXPECT_TRUE(exact.pulled.last);
    const auto over = read_body({.received = "5\r\nhello\r\n",
                                 .sent = "1\r\n!\r\n0\r\n\r\n",
                                 .framing = Framing::chunked,
                                 .limit = 5});
    EXPECT_EQ(over.pulled.fault, Fault::too_large);
    EXPECT_FALSE(over.finished);
}

TEST(MessageBody, OfAnySizeComesWhole) {
    std::string data(1'000'000, '\0');
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<char>(i * 7 >> 3);
    const auto body = [](EventLoop& loop, const std::string& all) -> Task<void> {
        auto pair = Pair::local();
        Stream stream(loop);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        std::thread sender([&] { pair.send(all); });
        Buffer first;
        Buffer further;
        MessageBody message;
        message.start(stream, first, further, Framing::length, all.size(), kUnlimited, 10s);
        Pulled pulled;
        co_await pull(message, pulled);
        sender.join();
        EXPECT_EQ(pulled.fault, Fault::none);
        EXPECT_TRUE(pulled.data == all);
    };
    EventLoop loop;
    run(loop, body(loop, data));
}

/// What goes over the wire when the writer is given these pieces.
Task<void> write_message(EventLoop& loop, bool with_body, bool chunked,
                         const std::vector<Chunk>& pieces, const Fields& trailers,
                         std::string& wire) {
    auto pair = Pair::local();
    Stream stream(loop);
    EXPECT_TRUE(stream.open(pair.take_ours()));
    MessageWriter writer;
    writer.start(stream, 10s);
    static const Fields kNone;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const Fields& now = pieces[i].last ? trailers : kNone;
        Fault fault = Fault::none;
        if (i == 0) {
            fault = co_await writer.send_head("HEAD\r\n\r\n", with_body, chunked, pieces[i], now);
        } else {
            fault = co_await writer.send_body(pieces[i], now);
        }
        EXPECT_EQ(fault, Fault::none);
    }
    stream.shutdown_send();
    wire = pair.receive(1 << 20);
    EXPECT_EQ(writer.bytes_sent(), wire.size());
}

std::string write_message(bool with_body, bool chunked, const std::vector<Chunk>& pieces,
                          const Fields& trailers = {}) {
    EventLoop loop;
    std::string wire;
    run(loop, write_message(loop, with_body, chunked, pieces, trailers, wire));
    return wire;
}

Chunk piece(std::string_view data, bool last = false) {
    Chunk chunk;
    chunk.data = data;
    chunk.last = last;
    return chunk;
}

const std::string kHead = "HEAD\r\n\r\n";

TEST(MessageWriter, WritesAHeadWithoutABody) {
    EXPECT_EQ(write_message(false, false, {piece("", true)}), kHead);
    // What a HEAD request is answered with has no body, whatever the pieces say.
    EXPECT_EQ(write_message(false, true, {piece("", true)}), kHead);
}

TEST(MessageWriter, WritesABodyOfALengthAsItIs) {
    EXPECT_EQ(write_message(true, false, {piece("hello", true)}), kHead + "hello");
    EXPECT_EQ(write_message(true, false, {piece(""), piece("hel"), piece(""), piece("lo", true)}),
              kHead + "hello");
    EXPECT_EQ(write_message(true, false, {piece("hello"), piece("", true)}), kHead + "hello");
}

TEST(MessageWriter, FramesChunks) {
    EXPECT_EQ(write_message(true, true, {piece("hello", true)}), kHead + "5\r\nhello\r\n0\r\n\r\n");
    EXPECT_EQ(write_message(true, true, {piece("hello"), piece("", true)}),
              kHead + "5\r\nhello\r\n0\r\n\r\n");
    EXPECT_EQ(write_message(true, true, {piece(""), piece("0123456789abcdef"), piece("!", true)}),
              kHead + "10\r\n0123456789abcdef\r\n1\r\n!\r\n0\r\n\r\n");
    EXPECT_EQ(write_message(true, true, {piece("", true)}), kHead + "0\r\n\r\n");
}

TEST(MessageWriter, AnEmptyPieceIsNotTheLastChunk) {
    EXPECT_EQ(write_message(true, true, {piece("a"), piece(""), piece("b", true)}),
              kHead + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
}

TEST(MessageWriter, WritesTrailersAfterTheLastChunk) {
    const Fields trailers = {{http::FieldId::unknown, "X-Sum", "1"},
                             {http::FieldId::unknown, "X-Other", "2"}};
    const std::string end = "0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n";
    EXPECT_EQ(write_message(true, true, {piece("a", true)}, trailers), kHead + "1\r\na\r\n" + end);
    EXPECT_EQ(write_message(true, true, {piece("a"), piece("", true)}, trailers),
              kHead + "1\r\na\r\n" + end);
    EXPECT_EQ(write_message(true, true, {piece("", true)}, trailers), kHead + end);
    // A body of a length has no place for them.
    EXPECT_EQ(write_message(true, false, {piece("a", true)}, trailers), kHead + "a");
}

TEST(MessageWriter, TellsHowAWriteFailed) {
    const auto write = [](EventLoop& loop, bool reset, Fault& fault) -> Task<void> {
        auto pair = Pair::tcp();
        Stream stream(loop);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        if (reset) pair.reset_theirs();
        MessageWriter writer;
        writer.start(stream, 150ms);
        const std::string big(32 * 1024 * 1024, 'x');
        static const Fields kNone;
        fault = co_await writer.send_head(kHead, true, false, piece(big, true), kNone);
    };
    Fault fault = Fault::none;
    EventLoop slow;
    run(slow, write(slow, false, fault));
    EXPECT_EQ(fault, Fault::timed_out);
    EventLoop broken;
    run(broken, write(broken, true, fault));
    EXPECT_EQ(fault, Fault::reset);
}

}  // namespace
}  // namespace switchyard::h1
