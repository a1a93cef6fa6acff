#include "control/events.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace switchyard::control {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

class EventsTest : public ::testing::Test {
  protected:
    /// The next line of a stream; {} at its end.
    json::object next(LineSource& source) {
        json::object found;
        asio::co_spawn(context, source.next(), [&](const std::exception_ptr&, const Line& line) {
            if (line) found = json::parse(*line).as_object();
        });
        context.restart();
        context.run();
        return found;
    }
    std::string name(LineSource& source) {
        const json::object event = next(source);
        return event.empty() ? "" : std::string(event.at("event").as_string());
    }
    static json::object event(std::string_view name, std::string_view service) {
        json::object object;
        object["event"] = name;
        object["service"] = service;
        return object;
    }

    asio::io_context context;
    EventHub hub{context.get_executor(), 4};
};

TEST_F(EventsTest, GreetsThenTellsInOrder) {
    const auto stream = hub.subscribe("");
    hub.publish(event("committed", "app"));
    hub.publish(event("drained", "app"));
    EXPECT_EQ(name(*stream), "hello");
    const json::object first = next(*stream);
    EXPECT_EQ(first.at("event").as_string(), "committed");
    EXPECT_TRUE(first.contains("at"));
    EXPECT_EQ(name(*stream), "drained");
}

TEST_F(EventsTest, KeepsToTheServiceThatWasAskedFor) {
    const auto stream = hub.subscribe("app");
    hub.publish(event("committed", "other"));
    hub.publish({{"event", "reloaded"}});
    hub.publish(event("committed", "app"));
    EXPECT_EQ(name(*stream), "hello");
    EXPECT_EQ(name(*stream), "reloaded");
    EXPECT_EQ(name(*stream), "committed");
}

TEST_F(EventsTest, TellsASlowReaderHowManyItMissedAndWaitsForNobody) {
    const auto stream = hub.subscribe("");
    for (int i = 0; i < 10; ++i)
        hub.publish(event("target", "app"));
    EXPECT_EQ(name(*stream), "hello");
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(name(*stream), "target");
    const json::object lost = next(*stream);
    EXPECT_EQ(lost.at("event").as_string(), "lost");
    EXPECT_EQ(lost.at("count").as_int64(), 7);
    hub.publish(event("committed", "app"));
    EXPECT_EQ(name(*stream), "committed");
}

TEST_F(EventsTest, SendsHeartbeatsInSilence) {
    const auto stream = hub.subscribe("", 1ms);
    EXPECT_EQ(name(*stream), "hello");
    EXPECT_EQ(name(*stream), "heartbeat");
}

TEST_F(EventsTest, EndsPolitelyAndForgetsReadersThatLeft) {
    auto gone = hub.subscribe("");
    const auto stream = hub.subscribe("");
    gone.reset();
    hub.publish(event("target", "app"));
    EXPECT_EQ(hub.subscribers(), 1U);
    hub.close();
    EXPECT_EQ(name(*stream), "hello");
    EXPECT_EQ(name(*stream), "target");
    EXPECT_EQ(name(*stream), "stopping");
    EXPECT_EQ(name(*stream), "");
    const auto late = hub.subscribe("");
    EXPECT_EQ(name(*late), "hello");
    EXPECT_EQ(name(*late), "stopping");
    EXPECT_EQ(name(*late), "");
}

}  // namespace
}  // namespace switchyard::control
