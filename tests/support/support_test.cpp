// The harness's own parts: what checks others must itself be able to fail.
#include "support/chunked.hpp"
#include "support/crc32.hpp"
#include "support/notify_socket.hpp"
#include "support/pattern.hpp"
#include "support/process.hpp"
#include "support/response.hpp"
#include "support/temp_dir.hpp"

#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

std::string pattern(Colour colour, std::uint64_t offset, std::size_t bytes) {
    std::string text(bytes, '\0');
    fill_pattern(colour, offset, text);
    return text;
}

TEST(Pattern, IsTheSameWhateverThePieces) {
    const auto whole = pattern(Colour::blue, 0, 1000);
    for (std::uint64_t offset = 0; offset < 40; ++offset) {
        EXPECT_EQ(pattern(Colour::blue, offset, 100), whole.substr(offset, 100)) << offset;
        EXPECT_EQ(pattern_byte(Colour::blue, offset), whole[offset]) << offset;
    }
}

TEST(Pattern, CheckerAcceptsTheWholeInPieces) {
    const auto whole = pattern(Colour::green, 0, 100'001);
    PatternChecker checker(Colour::green);
    for (std::size_t at = 0; at < whole.size(); at += 777) {
        EXPECT_FALSE(checker.feed(std::string_view(whole).substr(at, 777)));
    }
    EXPECT_EQ(checker.offset(), whole.size());
}

TEST(Pattern, CheckerFindsTheFirstWrongByte) {
    auto text = pattern(Colour::green, 0, 10'000);
    text[7'777] = static_cast<char>(text[7'777] ^ 1);
    EXPECT_EQ(PatternChecker(Colour::green).feed(text), 7'777u);
}

TEST(Pattern, CheckerFindsASplice) {
    // The other colour from the middle on; the same colour, but shifted by a multiple of the word.
    const auto head = pattern(Colour::blue, 0, 4'096);
    EXPECT_GE(PatternChecker(Colour::blue).feed(head + pattern(Colour::green, 4'096, 100)), 4'096u);
    EXPECT_GE(PatternChecker(Colour::blue).feed(head + pattern(Colour::blue, 8'192, 100)), 4'096u);
}

TEST(Crc32, AgreesWithTheKnownCheckValue) {
    EXPECT_EQ(crc32("123456789"), 0xcbf43926u);
    Crc32 pieces;
    for (const char c : std::string_view("123456789"))
        pieces.feed({&c, 1});
    EXPECT_EQ(pieces.value(), 0xcbf43926u);
}

struct ChunkedCase {
    const char* text;
    ChunkedDecoder::State state;
    const char* body;
};

class ChunkedTable : public testing::TestWithParam<ChunkedCase> {};

TEST_P(ChunkedTable, Decodes) {
    const auto& expected = GetParam();
    for (const bool bytewise : {false, true}) {
        ChunkedDecoder decoder;
        std::string body;
        const auto sink = [&body](std::string_view piece) { body += piece; };
        std::string_view input = expected.text;
        while (!input.empty()) {
            auto piece = bytewise ? input.substr(0, 1) : input;
            const auto offered = piece.size();
            const auto state = decoder.feed(piece, sink);
            input.remove_prefix(offered - piece.size());
            if (state == ChunkedDecoder::State::done || state == ChunkedDecoder::State::bad) break;
        }
        EXPECT_EQ(decoder.state(), expected.state);
        EXPECT_EQ(body, expected.body);
    }
}

using State = ChunkedDecoder::State;
INSTANTIATE_TEST_SUITE_P(
    Chunked, ChunkedTable,
    testing::Values(ChunkedCase{"0\r\n\r\n", State::done, ""},
                    ChunkedCase{"3\r\nabc\r\n0\r\n\r\n", State::done, "abc"},
                    ChunkedCase{"A;x=\"y\"\r\n0123456789\r\n00\r\nT: v\r\n\r\n", State::done,
                                "0123456789"},
                    ChunkedCase{"3\r\nabc\r\n", State::size_line, "abc"},
                    ChunkedCase{"3\r\nab", State::data, "ab"},
                    ChunkedCase{"3\nabc\r\n", State::bad, ""}, ChunkedCase{"\r\n", State::bad, ""},
                    ChunkedCase{"-1\r\n", State::bad, ""}, ChunkedCase{"0x3\r\n", State::bad, ""},
                    ChunkedCase{"3 \r\n", State::bad, ""},
                    ChunkedCase{"3\r\nabcd\r\n", State::bad, "abc"},
                    ChunkedCase{"ffffffffffffffff\r\n", State::bad, ""},
                    ChunkedCase{"0\r\nBad Name: x\r\n\r\n", State::bad, ""}));

/// A listening unix socket that says one thing to its one client, then closes.
Response answer_of(std::string_view bytes, std::string_view method = "GET") {
    const TempDir dir;
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, dir.file("s").c_str(), sizeof name.sun_path - 1);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    EXPECT_EQ(::listen(listener, 1), 0);
    Client client("unix:" + dir.file("s"));
    const int peer = ::accept(listener, nullptr, nullptr);
    EXPECT_EQ(::write(peer, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ::close(peer);
    ::close(listener);
    return read_response(client, method);
}

TEST(ResponseReader, ReadsEveryFraming) {
    EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").body, "hi");
    EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\n\r\nto the end").body, "to the end");
    EXPECT_EQ(answer_of("HTTP/1.1 204 \r\n\r\n").body, "");
    EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD").body, "");
    const auto chunked = answer_of(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nT: v\r\n\r\n");
    EXPECT_EQ(chunked.body, "hi");
    ASSERT_EQ(chunked.trailers.size(), 1u);
    EXPECT_EQ(chunked.trailers[0].second, "v");
}

TEST(ResponseReader, CollectsInterimAnswers) {
    const auto response = answer_of(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(response.status, 200);
    ASSERT_EQ(response.interim.size(), 2u);
    EXPECT_EQ(response.interim[1].field("link"), "x");
}

TEST(ResponseReader, NoticesACutBody) {
    EXPECT_THROW(answer_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi"), ClientError);
    EXPECT_THROW(answer_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"),
                 ClientError);
    EXPECT_THROW(answer_of("HTTP/1.1 200 OK\r\nContent-Le"), ClientError);
}

TEST(ResponseReader, RefusesWhatIsNoHttp) {
    for (const char* const bytes :
         {"HTTP/1.1 200\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
          "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
          "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"}) {
        EXPECT_THROW(answer_of(bytes), ProtocolError) << bytes;
    }
}

TEST(Process, RunsAndTellsHowItEnded) {
    const auto run = run_program({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"});
    EXPECT_EQ(run.exit.code, 3);
    EXPECT_EQ(run.out, "out\n");
    EXPECT_EQ(run.err, "err\n");
    EXPECT_FALSE(run.timed_out);
}

TEST(Process, StopsAtTheDeadline) {
    const auto run = run_program({"/bin/sleep", "1000"}, {}, Deadline(10ms));
    EXPECT_TRUE(run.timed_out);
    EXPECT_EQ(run.exit.signal, SIGKILL);
}

TEST(Process, ReadsLinesAndWaits) {
    ProcessOptions options;
    options.arguments = {"/bin/sh", "-c", "echo \"$GREETING\"; read -r nothing; sleep 1000"};
    options.environment = {{"GREETING", "hello"}};
    options.pipe_output = true;
    Process process(options);
    EXPECT_EQ(process.read_line(), "hello");
    EXPECT_TRUE(process.running());
    process.signal(SIGTERM);
    const auto exit = process.wait();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->signal, SIGTERM);
}

TEST(NotifySocket, HearsALineOnceAndNoticesTheEnd) {
    const TempDir dir;
    NotifySocket socket(dir.file("n"));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, socket.path().c_str(), sizeof name.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    const std::string_view text = "READY=1\nSTATUS=up";
    ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&name), sizeof name);
    ::close(fd);
    Process process({.arguments = {"/bin/true"}, .environment = {}, .output_file = {}});
    EXPECT_TRUE(socket.wait_for("READY=1", process.pid_fd()));
    EXPECT_FALSE(socket.wait_for("READY=1", process.pid_fd()));
    EXPECT_EQ(socket.lines().size(), 2u);
}

TEST(TempDir, GoesWithItsContents) {
    std::string path;
    {
        const TempDir dir;
        path = dir.write("folder/file", "text");
        EXPECT_EQ(read_file(path), "text");
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace switchyard::test
