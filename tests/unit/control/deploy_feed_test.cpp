#include "control/deploy_feed.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace switchyard::control::testing {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

json::object event(std::string_view name) {
    json::object object;
    object["event"] = name;
    return object;
}

class DeployFeedTest : public ::testing::Test {
  protected:
    static asio::awaitable<void> take(LineSource& source, std::size_t most,
                                      std::vector<json::object>& into) {
        while (into.size() < most) {
            const Line line = co_await source.next();
            if (!line) break;
            into.push_back(json::parse(*line).as_object());
        }
    }
    /// What `source` has, up to `most` lines.
    std::vector<json::object> read(LineSource& source, std::size_t most = 100'000) {
        std::vector<json::object> lines;
        asio::co_spawn(context, take(source, most, lines), asio::detached);
        context.restart();
        context.run();
        return lines;
    }
    static std::string name(const json::object& line) {
        return std::string(line.at("event").as_string());
    }

    asio::io_context context;
    DeployFeed feed{context.get_executor()};
};

TEST_F(DeployFeedTest, ALateReaderGetsWhatWasKeptAndThenWhatComes) {
    feed.say(event("deploy"));
    feed.output({"a", false, "first"});
    auto reader = feed.follow();
    feed.say(event("result"));
    feed.close();
    const auto lines = read(*reader);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(name(lines[0]), "deploy");
    EXPECT_EQ(lines[1].at("line").as_string(), "first");
    EXPECT_EQ(name(lines[2]), "result");
    auto later = feed.follow();
    EXPECT_EQ(read(*later).size(), 3U);
}

TEST_F(DeployFeedTest, OfProgressOnlyTheLastIsKept) {
    for (int i = 0; i < 5; ++i) {
        json::object line = event("health");
        line["n"] = i;
        feed.progress(line);
    }
    feed.close();
    auto reader = feed.follow();
    const auto lines = read(*reader);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].at("n").as_int64(), 4);
}

TEST_F(DeployFeedTest, OfEachHostTheLastLinesAreKept) {
    feed.say(event("deploy"));
    for (int i = 0; i < 5'000; ++i)
        feed.output({"chatty", false, std::to_string(i)});
    feed.output({"quiet", true, "the only one"});
    feed.close();
    auto reader = feed.follow();
    const auto lines = read(*reader);
    ASSERT_EQ(lines.size(), 202U);
    EXPECT_EQ(lines[1].at("line").as_string(), "4800");
    EXPECT_EQ(lines[201].at("line").as_string(), "the only one");
    const json::array tail = feed.tail();
    ASSERT_EQ(tail.size(), 21U);
    EXPECT_EQ(tail[0].at("line").as_string(), "4980");
    EXPECT_TRUE(tail[20].at("stderr").as_bool());
}

TEST_F(DeployFeedTest, ASlowReaderMissesOutputButNoStageAndIsToldHowMuch) {
    auto reader = feed.follow();
    for (int i = 0; i < 3'000; ++i)
        feed.output({"a", false, std::to_string(i)});
    feed.say(event("result"));
    feed.close();
    const auto lines = read(*reader);
    ASSERT_EQ(lines.size(), 1'024U + 2U);
    EXPECT_EQ(name(lines[1'024]), "lost");
    EXPECT_EQ(lines[1'024].at("count").as_int64(), 3'000 - 1'024);
    EXPECT_EQ(name(lines[1'025]), "result");
}

TEST_F(DeployFeedTest, SilenceHasAHeartbeat) {
    auto reader = feed.follow(1ms);
    const auto lines = read(*reader, 2);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(name(lines[1]), "heartbeat");
}

TEST_F(DeployFeedTest, TheTailIsShortAndKeepsWholeCharacters) {
    std::string line(399, 'x');
    line += "\xC3\xA4\xC3\xA4";
    feed.output({"a", false, line});
    const json::array tail = feed.tail();
    EXPECT_EQ(tail[0].at("line").as_string(), std::string(399, 'x'));
}

}  // namespace
}  // namespace switchyard::control::testing
