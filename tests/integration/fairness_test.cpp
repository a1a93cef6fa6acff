// One worker, two clients: who asks much at once does not keep the other one waiting.
#include "integration/harness.hpp"

#include <algorithm>
#include <csignal>
#include <sstream>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

class Fairness : public FrontDoor {
  protected:
    /// The targets of all requests, in the order in which the only worker was done with them.
    [[nodiscard]] std::vector<std::string> done_in_order(std::size_t count) {
        const auto file = daemon().dir().file("access.log");
        std::vector<std::string> targets;
        EXPECT_TRUE(eventually([&] {
            targets.clear();
            std::istringstream text(read_file(file));
            for (std::string line; std::getline(text, line) && !text.eof();) {
                targets.emplace_back(boost::json::parse(line).at("target").as_string());
            }
            return targets.size() >= count;
        })) << targets.size();
        return targets;
    }
};

TEST_F(Fairness, ManyPipelinedRequestsLeaveTurnsToOthers) {
    // Answered by the proxy itself, nothing of them ever has to wait. A socket takes them all.
    constexpr int kMany = 1000;
    constexpr const char* kModest = "/server_info?modest";
    start(config({}, "workers: 1\naccess_log: {path: \"${DIR}/access.log\", buffer: 16MiB}\n"));
    auto greedy = connect();
    auto modest = connect();
    std::string requests;
    for (int i = 0; i < kMany; ++i)
        requests += request_text("GET", "/server_info");
    ASSERT_EQ(exchange(greedy, "GET", "/server_info?first").status, 200);
    ASSERT_EQ(exchange(modest, "GET", "/server_info?first").status, 200);
    // When the worker looks again, both have something for it: the greedy one first.
    daemon().signal(SIGSTOP);
    greedy.send(requests);
    modest.send(request_text("GET", kModest));
    daemon().signal(SIGCONT);
    EXPECT_EQ(read_response(modest).status, 200);
    for (int i = 0; i < kMany; ++i)
        ASSERT_EQ(read_response(greedy).status, 200) << i;

    const auto order = done_in_order(kMany + 3);
    const auto place = std::find(order.begin(), order.end(), kModest) - order.begin() - 2;
    // A turn is 64 requests. One more, should the worker have looked between the two.
    EXPECT_LE(place, 2 * 64) << "so many of the greedy client's requests came first";
}

}  // namespace
}  // namespace switchyard::test
