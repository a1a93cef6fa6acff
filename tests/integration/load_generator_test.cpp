// What bench/compare measures latencies with, the load generator at a rate: nothing that was due is
// lost, and the time of each request counts from when it was due.
#include "integration/harness.hpp"

#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

enum class Door { plain, tls, h2c, h2 };

std::string door_name(const testing::TestParamInfo<Door>& info) {
    constexpr const char* kNames[] = {"Plain", "Tls", "H2c", "H2"};
    return kNames[static_cast<std::size_t>(info.param)];
}

class LoadAtARate : public FrontDoor, public testing::WithParamInterface<Door> {
  protected:
    void SetUp() override {
        std::string yaml = config();
        constexpr std::string_view kPlain = "  - address: \"127.0.0.1:0\"\n";
        yaml.insert(yaml.find(kPlain) + kPlain.size(), "    h2c: true\n");
        yaml.insert(yaml.find("services:"), certificates_.listener("127.0.0.2:0"));
        start(yaml);
    }

    [[nodiscard]] static bool over_h2() {
        return GetParam() == Door::h2c || GetParam() == Door::h2;
    }

    /// Runs it without a time to warm up.
    test::Run load(std::vector<std::string> options) {
        const bool over_tls = GetParam() == Door::tls || GetParam() == Door::h2;
        options.insert(options.begin(), {SWITCHYARD_BENCH_LOAD_PATH, "--connect",
                                         daemon().address(over_tls ? 1 : 0), "--warm-up", "0"});
        if (over_tls) options.emplace_back("--tls");
        if (over_h2()) options.insert(options.end(), {"--h2", "2"});
        return run_program(options);
    }

    static std::int64_t count(const boost::json::value& figures, std::string_view name) {
        return figures.at(name).to_number<std::int64_t>();
    }

  private:
    TestCertificates certificates_;
};

TEST_P(LoadAtARate, SendsEachRequestThatIsDueOnceAndWaitsForItsAnswer) {
    const auto run = load({"--path", "/bytes?n=1024", "--expect", "1024", "--connections", "4",
                           "--seconds", "0.5", "--rate", "400"});
    ASSERT_EQ(run.exit.code, 0) << run.err;
    const auto figures = boost::json::parse(run.out);
    // Random moments, but the same in each run: about 200.
    EXPECT_NEAR(static_cast<double>(count(figures, "due")), 200, 50);
    EXPECT_EQ(count(figures, "sent"), count(figures, "due"));
    EXPECT_EQ(count(figures, "answered"), count(figures, "due"));
    // HTTP/1.1 opens each connection with a request that is not counted.
    const std::int64_t opening = over_h2() ? 0 : 4;
    EXPECT_EQ(count(origin(Colour::blue).books("/bytes"), "answered"),
              count(figures, "due") + opening);
}

TEST_P(LoadAtARate, LetsWaitWhatFindsNoRoomWhileItsTimeRuns) {
    // One connection has room for one answer, or two with HTTP/2, in 20 ms: far less than is due.
    const auto run = load({"--path", "/bytes?n=16&ms=20", "--expect", "16", "--connections", "1",
                           "--seconds", "0.4", "--rate", "300"});
    ASSERT_EQ(run.exit.code, 0) << run.err;
    const auto figures = boost::json::parse(run.out);
    const std::int64_t due = count(figures, "due");
    EXPECT_NEAR(static_cast<double>(due), 120, 40);
    EXPECT_EQ(count(figures, "answered"), due);
    EXPECT_GT(count(figures, "queued"), due / 2);
    // Each was due in the first 0.4 s. The last one had this much before it, in microseconds.
    const double before = static_cast<double>(due) * 20'000 / (over_h2() ? 2 : 1);
    EXPECT_GE(figures.at("max_us").to_number<double>(), before - 400'000);
    EXPECT_GE(figures.at("p50_us").to_number<double>(), before / 2 - 400'000);
}

TEST_P(LoadAtARate, FailsAndSaysHowManyRequestsHaveNoAnswer) {
    const auto run = load({"--path", "/bytes?n=16&ms=3000", "--expect", "16", "--connections", "1",
                           "--seconds", "0.2", "--rate", "100", "--patience", "0.1"});
    EXPECT_EQ(run.exit.code, 1);
    const auto figures = boost::json::parse(run.out);
    const std::string due = std::to_string(count(figures, "due"));
    EXPECT_EQ(count(figures, "sent"), over_h2() ? 2 : 1);
    EXPECT_NE(run.err.find("of " + due + " requests that were due, " + due + " have no answer"),
              std::string::npos)
        << run.err;
}

INSTANTIATE_TEST_SUITE_P(Doors, LoadAtARate,
                         testing::Values(Door::plain, Door::tls, Door::h2c, Door::h2), door_name);

}  // namespace
}  // namespace switchyard::test
