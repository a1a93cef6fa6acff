#include "base/pipe.hpp"

#include <array>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard {
namespace {

struct Pair {
    Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0); }
    ~Pair() {
        for (const int end : ends)
            ::close(end);
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    std::array<int, 2> ends{-1, -1};
};

TEST(Pipe, MovesOctetsFromOneSocketToAnother) {
    Pair from;
    Pair to;
    ASSERT_EQ(::write(from.ends[0], "hello world", 11), 11);
    Pipe pipe = Pipe::take();
    ASSERT_TRUE(pipe.is_open());
    EXPECT_EQ(pipe.fill(from.ends[1], 5), 5);
    EXPECT_EQ(pipe.held(), 5U);
    EXPECT_EQ(pipe.drain(to.ends[0], false), 5);
    EXPECT_EQ(pipe.held(), 0U);
    std::string got(20, '\0');
    EXPECT_EQ(::read(to.ends[1], got.data(), got.size()), 5);
    EXPECT_EQ(got.substr(0, 5), "hello");
    // What was not asked for is still there.
    EXPECT_EQ(::read(from.ends[1], got.data(), got.size()), 6);
}

TEST(Pipe, TellsAnEndFromNothing) {
    Pair from;
    Pipe pipe = Pipe::take();
    EXPECT_EQ(pipe.fill(from.ends[1], 5), -1);
    EXPECT_EQ(errno, EAGAIN);
    ::shutdown(from.ends[0], SHUT_WR);
    EXPECT_EQ(pipe.fill(from.ends[1], 5), 0);
}

TEST(Pipe, ThatHoldsSomethingIsNotUsedAgain) {
    Pair from;
    ASSERT_EQ(::write(from.ends[0], "old", 3), 3);
    {
        Pipe pipe = Pipe::take();
        EXPECT_EQ(pipe.fill(from.ends[1], 3), 3);
    }
    for (int i = 0; i < 3; ++i) {
        Pair to;
        ASSERT_EQ(::write(from.ends[0], "new", 3), 3);
        Pipe pipe = Pipe::take();
        EXPECT_EQ(pipe.held(), 0U);
        EXPECT_EQ(pipe.fill(from.ends[1], 3), 3);
        EXPECT_EQ(pipe.drain(to.ends[0], true), 3);
        char got[3];
        EXPECT_EQ(::read(to.ends[1], got, 3), 3);
        EXPECT_EQ(std::string(got, 3), "new");
    }
}

TEST(Pipe, AThreadHasSoManyAndNotMore) {
    std::vector<Pipe> pipes;
    for (std::size_t i = 0; i < Pipe::kPipes; ++i) {
        pipes.push_back(Pipe::take());
        ASSERT_TRUE(pipes.back().is_open()) << i;
    }
    EXPECT_FALSE(Pipe::take().is_open());
    pipes.pop_back();
    EXPECT_TRUE(Pipe::take().is_open());
    const Pipe moved = std::move(pipes.back());
    EXPECT_TRUE(moved.is_open());
    pipes.pop_back();
    EXPECT_TRUE(Pipe::take().is_open());
}

TEST(Pipe, AProcessHasSoManyAndNotMore) {
    // On a thread that has kept none.
    std::thread([] {
        Pipe::set_most(0);
        EXPECT_FALSE(Pipe::take().is_open());
        Pipe::set_most(1'000);
        const Pipe pipe = Pipe::take();
        EXPECT_TRUE(pipe.is_open());
        Pipe::set_most(1);
        EXPECT_FALSE(Pipe::take().is_open()) << "others have one at least";
        Pipe::set_most(1'000);
    }).join();
}

}  // namespace
}  // namespace switchyard
