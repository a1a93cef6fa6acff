#include "net/stream.hpp"

#include "unit/net/support.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

using namespace std::chrono_literals;
using test::Pair;
using test::run;
using test::Signal;

constexpr std::chrono::milliseconds kNoLimit{0};

/// Reads to the end of the stream (or a failure, which it returns).
Task<IoStatus> read_all(Stream& stream, std::string& into) {
    char piece[4096];
    for (;;) {
        const Stream::Transfer got = co_await stream.read(piece, sizeof piece, kNoLimit);
        if (got.status != IoStatus::ok) co_return got.status;
        into.append(piece, got.bytes);
    }
}

TEST(Stream, ReadsWhatThereIs) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::local();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        pair.send("hello");
        char text[16];
        const Stream::Transfer got = co_await stream.read(text, sizeof text, kNoLimit);
        EXPECT_EQ(got.status, IoStatus::ok);
        EXPECT_EQ(std::string_view(text, got.bytes), "hello");
        // Everything was taken: nothing more is to be expected without news.
        EXPECT_FALSE(stream.may_read());
        std::size_t done = 0;
        EXPECT_EQ(stream.try_read(text, sizeof text, done), IoStatus::again);
        pair.send("again");
        const Stream::Transfer more = co_await stream.read(text, sizeof text, kNoLimit);
        EXPECT_EQ(std::string_view(text, more.bytes), "again");
    };
    run(loop, body(loop));
}

TEST(Stream, AFullReadLeavesTheRestToTheNextOne) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::local();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        pair.send("abcdef");
        pair.close_theirs();
        std::string all;
        for (int i = 0; i < 3; ++i) {
            char two[2];
            const Stream::Transfer got = co_await stream.read(two, 2, kNoLimit);
            EXPECT_EQ(got.bytes, 2U);
            all.append(two, got.bytes);
        }
        EXPECT_EQ(all, "abcdef");
        char end = 0;
        const Stream::Transfer got = co_await stream.read(&end, 1, kNoLimit);
        EXPECT_EQ(got.status, IoStatus::eof);
    };
    run(loop, body(loop));
}

TEST(Stream, TheEndComesAfterTheData) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        for (const bool tcp : {false, true}) {
            auto pair = tcp ? Pair::tcp() : Pair::local();
            Stream stream(on);
            EXPECT_TRUE(stream.open(pair.take_ours()));
            pair.send(std::string(10'000, 'x'));
            pair.shut();
            std::string all;
            const IoStatus status = co_await read_all(stream, all);
            EXPECT_EQ(status, IoStatus::eof);
            EXPECT_EQ(all.size(), 10'000U);
            EXPECT_TRUE(stream.hung_up());
        }
    };
    run(loop, body(loop));
}

TEST(Stream, TheEndIsSeenEvenIfItCameWithTheLastData) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::tcp();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        pair.send("last");
        pair.close_theirs();
        // Both are here before the first wait: one event reports them.
        while (!stream.hung_up())
            co_await on.yield();
        char text[16];
        const Stream::Transfer got = co_await stream.read(text, sizeof text, kNoLimit);
        EXPECT_EQ(got.bytes, 4U);
        const Stream::Transfer end = co_await stream.read(text, sizeof text, 2s);
        EXPECT_EQ(end.status, IoStatus::eof);
    };
    run(loop, body(loop));
}

TEST(Stream, ReadingTimesOut) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::local();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        char text[16];
        const auto start = EventLoop::now_ns();
        const Stream::Transfer got = co_await stream.read(text, sizeof text, 150ms);
        EXPECT_EQ(got.status, IoStatus::timed_out);
        EXPECT_GE(EventLoop::now_ns() - start, 150'000'000U);
        // And goes on after that.
        pair.send("late");
        const Stream::Transfer late = co_await stream.read(text, sizeof text, 10s);
        EXPECT_EQ(late.bytes, 4U);
    };
    run(loop, body(loop));
}

TEST(Stream, WritingTimesOutWhenNobodyReads) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::local();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        std::string big(4 * 1024 * 1024, 'x');
        iovec piece{big.data(), big.size()};
        const Stream::Transfer sent = co_await stream.write_all({&piece, 1}, 150ms);
        EXPECT_EQ(sent.status, IoStatus::timed_out);
        EXPECT_GT(sent.bytes, 0U);
        EXPECT_LT(sent.bytes, big.size());
    };
    run(loop, body(loop));
}

TEST(Stream, ReadAndWriteHaveDeadlinesOfTheirOwn) {
    EventLoop loop;
    const auto reader = [](Stream& stream, IoStatus& status, std::uint64_t& at) -> Task<void> {
        char octet = 0;
        const Stream::Transfer got = co_await stream.read(&octet, 1, 500ms);
        status = got.status;
        at = EventLoop::now_ns();
    };
    const auto body = [](EventLoop& on, auto read_slowly) -> Task<void> {
        auto pair = Pair::local();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        Fork fork;
        IoStatus read_status = IoStatus::ok;
        std::uint64_t read_at = 0;
        fork.start(read_slowly(stream, read_status, read_at));
        std::string big(4 * 1024 * 1024, 'x');
        iovec piece{big.data(), big.size()};
        const Stream::Transfer sent = co_await stream.write_all({&piece, 1}, 100ms);
        const std::uint64_t wrote_at = EventLoop::now_ns();
        EXPECT_EQ(sent.status, IoStatus::timed_out);
        co_await fork.join();
        EXPECT_EQ(read_status, IoStatus::timed_out);
        EXPECT_GT(read_at, wrote_at);
    };
    run(loop, body(loop, reader));
}

TEST(Stream, CancelEndsTransfersThatNeverHaveToWait) {
    // There is always something to read and always room to write, and the end comes all the same.
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::local();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        pair.send("abc");
        char octet = 'o';
        const Stream::Transfer before = co_await stream.read(&octet, 1, 1s);
        EXPECT_EQ(before.status, IoStatus::ok);
        EXPECT_EQ(octet, 'a');
        EXPECT_TRUE(stream.may_read());
        stream.cancel();
        std::size_t done = 0;
        EXPECT_EQ(stream.try_read(&octet, 1, done), IoStatus::cancelled);
        iovec piece{&octet, 1};
        EXPECT_EQ(stream.try_write({&piece, 1}, done), IoStatus::cancelled);
        const Stream::Transfer read = co_await stream.read(&octet, 1, 1s);
        EXPECT_EQ(read.status, IoStatus::cancelled);
        const Stream::Transfer written = co_await stream.write_all({&piece, 1}, 1s);
        EXPECT_EQ(written.status, IoStatus::cancelled);
        // Nothing went out, and nothing is lost.
        stream.clear_cancel();
        char rest[2];
        const Stream::Transfer after = co_await stream.read(rest, sizeof rest, 1s);
        EXPECT_EQ(after.status, IoStatus::ok);
        EXPECT_EQ(std::string_view(rest, after.bytes), "bc");
        stream.close();
        EXPECT_EQ(pair.receive(1), "");
    };
    run(loop, body(loop));
}

TEST(Stream, CancelEndsWaitsNowAndLaterUntilCleared) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::local();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        on.post([&stream] { stream.cancel(); });
        char text[16];
        Stream::Transfer got = co_await stream.read(text, sizeof text, kNoLimit);
        EXPECT_EQ(got.status, IoStatus::cancelled);
        EXPECT_TRUE(stream.is_cancelled());
        got = co_await stream.read(text, sizeof text, kNoLimit);
        EXPECT_EQ(got.status, IoStatus::cancelled);
        stream.clear_cancel();
        pair.send("on");
        got = co_await stream.read(text, sizeof text, 10s);
        EXPECT_EQ(got.status, IoStatus::ok);
    };
    run(loop, body(loop));
}

TEST(Stream, ReportsAHangUpOnceWhileNobodyReads) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::tcp();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        struct Seen {
            Signal signal;
            int calls = 0;
        } seen{Signal(on)};
        stream.watch_hang_up(
            [](void* of) {
                auto& mine = *static_cast<Seen*>(of);
                ++mine.calls;
                mine.signal.set();
            },
            &seen);
        EXPECT_FALSE(stream.hung_up());
        pair.close_theirs();
        co_await seen.signal;
        for (int i = 0; i < 10; ++i)
            co_await on.yield();
        EXPECT_EQ(seen.calls, 1);
        EXPECT_TRUE(stream.hung_up());
    };
    run(loop, body(loop));
}

TEST(Stream, AResetIsAnErrorWithItsNumber) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::tcp();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        pair.reset_theirs();
        char text[16];
        const Stream::Transfer got = co_await stream.read(text, sizeof text, 10s);
        EXPECT_EQ(got.status, IoStatus::error);
        EXPECT_EQ(stream.error_number(), ECONNRESET);
    };
    run(loop, body(loop));
}

TEST(Stream, OurResetCantBeTakenForAnEnd) {
    EventLoop loop;
    auto pair = Pair::tcp();
    Stream stream(loop);
    ASSERT_TRUE(stream.open(pair.take_ours()));
    stream.reset();
    EXPECT_FALSE(stream.is_open());
    char octet = 0;
    EXPECT_LT(::recv(pair.theirs(), &octet, 1, 0), 0);
    EXPECT_EQ(errno, ECONNRESET);
}

TEST(Stream, ShutdownSendEndsOneDirectionOnly) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::tcp();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        stream.shutdown_send();
        EXPECT_EQ(pair.receive(1), "");
        pair.send("still here");
        char text[16];
        const Stream::Transfer got = co_await stream.read(text, sizeof text, 10s);
        EXPECT_EQ(std::string_view(text, got.bytes), "still here");
    };
    run(loop, body(loop));
}

TEST(Stream, WritesEverythingInOrderToASlowReader) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        auto pair = Pair::tcp();
        Stream stream(on);
        EXPECT_TRUE(stream.open(pair.take_ours()));
        std::string big(8 * 1024 * 1024, '\0');
        for (std::size_t i = 0; i < big.size(); ++i)
            big[i] = static_cast<char>(i * 131 >> 7);
        std::string got;
        std::thread reader([&] {
            char piece[7919];
            for (;;) {
                const auto count = ::recv(pair.theirs(), piece, sizeof piece, 0);
                if (count <= 0) break;
                got.append(piece, static_cast<std::size_t>(count));
            }
        });
        // Pieces of all sizes, empty ones among them.
        std::vector<iovec> pieces{{big.data(), 1}, {big.data() + 1, 0}, {big.data() + 1, 999'999}};
        pieces.push_back({big.data() + 1'000'000, big.size() - 1'000'000});
        const Stream::Transfer sent = co_await stream.write_all(pieces, 10s);
        EXPECT_EQ(sent.status, IoStatus::ok);
        EXPECT_EQ(sent.bytes, big.size());
        stream.shutdown_send();
        reader.join();
        EXPECT_TRUE(got == big);
    };
    run(loop, body(loop));
}

TEST(Stream, TellsWhyAConnectFailed) {
    EventLoop loop;
    const auto body = [](EventLoop& on) -> Task<void> {
        // A port that was free a moment ago: bound, but nobody listens.
        const int bound = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const name = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(bound, name, size), 0);
        EXPECT_EQ(::getsockname(bound, name, &size), 0);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        static_cast<void>(::connect(fd, name, size));
        Stream stream(on);
        EXPECT_TRUE(stream.open_connecting(fd));
        const IoStatus waited = co_await stream.writable(10s);
        EXPECT_EQ(waited, IoStatus::ok);
        EXPECT_EQ(stream.connect_error(), ECONNREFUSED);
        ::close(bound);
    };
    run(loop, body(loop));
}

TEST(Stream, AClosedStreamOnlySaysCancelled) {
    EventLoop loop;
    auto pair = Pair::local();
    Stream stream(loop);
    ASSERT_TRUE(stream.open(pair.take_ours()));
    stream.close();
    stream.close();
    char octet = 0;
    std::size_t done = 0;
    EXPECT_EQ(stream.try_read(&octet, 1, done), IoStatus::cancelled);
    const iovec piece{&octet, 1};
    EXPECT_EQ(stream.try_write({&piece, 1}, done), IoStatus::cancelled);
    EXPECT_EQ(pair.receive(1), "");
}

TEST(Stream, RefusesADescriptorThatCantBeWatched) {
    EventLoop loop;
    Stream stream(loop);
    EXPECT_FALSE(stream.open(-1));
    EXPECT_FALSE(stream.is_open());
    EXPECT_EQ(stream.error_number(), EBADF);
}

}  // namespace
}  // namespace switchyard::net
