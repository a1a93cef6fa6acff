// kill -9 at random instants during switches. After each restart the state must be one of the two
// that are allowed (before or after the command under way), and what was acknowledged must hold.
//
// A few rounds belong to the suite; tests/integration/run-crash-test does several hundred.
// CRASH_ROUNDS and CRASH_SEED change how many there are and repeat what a seed did (but not the
// instants of the kernel's scheduler).
#include "integration/harness.hpp"

#include <cstdlib>
#include <random>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t fallback) {
    const char* text = std::getenv(name);
    return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : fallback;
}

struct State {
    Colour live = Colour::blue;
    std::uint64_t epoch = 0;

    [[nodiscard]] State next() const { return {other(live), epoch + 1}; }
    bool operator==(const State&) const = default;
};

std::ostream& operator<<(std::ostream& out, const State& state) {
    return out << to_string(state.live) << " in epoch " << state.epoch;
}

/// How the rounds ended, to show that the instants really differ.
struct Outcomes {
    int acknowledged = 0;  ///< The last command was answered before the kill.
    int happened = 0;      ///< Not answered, but durable.
    int nothing = 0;       ///< Neither.
};

class Crash : public FrontDoor {
  protected:
    [[nodiscard]] State state() const {
        const auto service = admin().service("app");
        return {*parse_colour(service.at("live").as_string()),
                service.at("epoch").to_number<std::uint64_t>()};
    }

    /// Switches, and has the acknowledgement before it returns.
    void switch_acknowledged(State& known) {
        const auto wanted = known.next();
        switch_to(wanted.live, R"("force":true)");
        known = wanted;
    }

    /// Sends the command, kills the daemon so much later, and tells whether the answer had come.
    bool switch_and_kill(const State& known, std::chrono::microseconds after) {
        const std::string body = R"({"wait":false,"force":true,"to":")" +
                                 std::string(to_string(known.next().live)) + "\"}";
        Client client("unix:" + admin().socket());
        client.send(request_text("POST", "/v1/services/app/switch",
                                 {{"Content-Length", std::to_string(body.size())}}) +
                    body);
        const auto at = std::chrono::steady_clock::now() + after;
        while (std::chrono::steady_clock::now() < at) {
        }
        daemon().kill();
        std::string answer;
        try {
            answer = client.read_to_end();
        } catch (const ClientError&) {
            answer = client.buffered();
        }
        return answer.find(R"("event":"committed")") != std::string::npos;
    }

    /// The newest change in the history belongs to the epoch in force, and only one entry does.
    void expect_history_fits(const State& now) const {
        int entries = 0;
        const auto history = admin().get("/v1/history?service=app&limit=50").json();
        for (const auto& entry : history.at("entries").as_array()) {
            if (entry.at("action").as_string() != "switch") continue;
            const auto epoch = entry.at("epoch").to_number<std::uint64_t>();
            EXPECT_LE(epoch, now.epoch);
            if (epoch != now.epoch) continue;
            ++entries;
            EXPECT_EQ(entry.at("to").as_string(), to_string(now.live));
        }
        EXPECT_EQ(entries, 1);
    }
};

TEST_F(Crash, C04_KillAtAnyInstantLeavesOneOfTheTwoStates) {
    const auto rounds = from_environment("CRASH_ROUNDS", 12);
    const auto seed = from_environment("CRASH_SEED", std::random_device{}());
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<int> before(0, 2);
    // A switch takes a few milliseconds, most of them for the disk.
    std::uniform_int_distribution<int> microseconds(0, 8'000);
    RecordProperty("seed", std::to_string(seed));
    std::printf("CRASH_SEED=%llu, %llu rounds\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(rounds));

    start();
    auto known = state();
    switch_acknowledged(known);
    Outcomes outcomes;
    for (std::uint64_t round = 0; round < rounds; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        for (int i = before(random); i > 0; --i)
            switch_acknowledged(known);
        const bool acknowledged =
            switch_and_kill(known, std::chrono::microseconds(microseconds(random)));
        restart();
        const auto found = state();
        if (acknowledged) {
            ASSERT_EQ(found, known.next()) << "an acknowledged switch was lost";
            ++outcomes.acknowledged;
        } else if (found == known) {
            ++outcomes.nothing;
        } else {
            ASSERT_EQ(found, known.next()) << "neither the state before nor the one after";
            ++outcomes.happened;
        }
        known = found;
        ASSERT_EQ(colour_of(get("/")), to_string(known.live));
        expect_history_fits(known);
        if (HasFailure()) return;
    }
    std::printf("acknowledged %d, durable but not answered %d, not happened %d\n",
                outcomes.acknowledged, outcomes.happened, outcomes.nothing);
}

}  // namespace
}  // namespace switchyard::test
