// What a request on a warm connection costs, one at a time: exact counts, so they may be tests.
#include "conformance/raw_h2_origin.hpp"
#include "cost/counted_daemon.hpp"
#include "support/h2_client.hpp"

#include <iostream>
#include <numeric>

namespace switchyard::test {
namespace {

constexpr int kRequests = 1'000;
/// What the rest of the daemon does meanwhile (ticks of the control thread, timers), a request.
constexpr double kElsewhere = 0.1;

enum class Scene { plain, tls, h2c, h2 };

std::string scene_name(const testing::TestParamInfo<Scene>& info) {
    switch (info.param) {
        case Scene::plain:
            return "Plain";
        case Scene::tls:
            return "Tls";
        case Scene::h2c:
            return "H2c";
        case Scene::h2:
            return "H2";
    }
    return "";
}

class Cost : public CountedDoor, public testing::WithParamInterface<Scene> {
  protected:
    void SetUp() override {
#if defined(SWITCHYARD_ASAN) || defined(SWITCHYARD_TSAN)
        GTEST_SKIP() << "A sanitizer allocates, and calls the system, for itself.";
#endif
        start_counted();
        const bool over_h2 = GetParam() == Scene::h2c || GetParam() == Scene::h2;
        const bool over_tls = GetParam() == Scene::tls || GetParam() == Scene::h2;
        Client client = over_tls
                            ? Client(daemon().address(1),
                                     TlsOptions{.server_name = "localhost",
                                                .ca_file = certificates().ca(),
                                                .alpn = over_h2 ? std::vector<std::string>{"h2"}
                                                                : std::vector<std::string>{}})
                            : connect();
        if (over_h2) {
            // A window for everything, so that each request is answered by its answer alone.
            h2_.emplace(std::move(client));
            h2_->gives_windows = false;
            h2_->send(window_update(0, 0x7fff'0000 - 65'535));
        } else {
            h1_.emplace(std::move(client));
        }
    }

    void requests(std::string_view method, std::string_view path, const std::string& body, int n) {
        for (int i = 0; i < n; ++i) {
            const Response response = h2_ ? h2_->exchange(method, path, {}, body)
                                          : test::exchange(*h1_, method, path, {}, body);
            ASSERT_EQ(response.status, 200);
        }
    }

    [[nodiscard]] bool is_h2() const {
        return h2_.has_value();
    }

    /// Allocations of one of many such requests, after as many that warm it up.
    [[nodiscard]] double allocations_of(std::string_view method, std::string_view path,
                                        const std::string& body = {}) {
        requests(method, path, body, 200);
        const std::uint64_t before = allocations();
        requests(method, path, body, kRequests);
        const double each = static_cast<double>(allocations() - before) / kRequests;
        std::cout << method << ' ' << path << ": " << each << " allocations a request\n";
        return each;
    }

    /// The same for system calls.
    [[nodiscard]] std::map<std::string, double> calls_of(std::string_view method,
                                                         std::string_view path,
                                                         const std::string& body = {}) {
        requests(method, path, body, 200);
        const auto counted = system_calls([&] { requests(method, path, body, kRequests); }, why_);
        std::map<std::string, double> calls;
        for (const auto& [name, count] : counted) {
            calls[name] = static_cast<double>(count) / kRequests;
            if (calls[name] < kElsewhere / 10) continue;
            std::cout << method << ' ' << path << ": " << calls[name] << ' ' << name << '\n';
        }
        return calls;
    }
    [[nodiscard]] const std::string& why() const {
        return why_;
    }

    static double sum(std::map<std::string, double> calls,
                      std::initializer_list<const char*> names) {
        return std::accumulate(names.begin(), names.end(), 0.0,
                               [&](double total, const char* name) { return total + calls[name]; });
    }
    static double sent(const std::map<std::string, double>& calls) {
        return sum(calls, {"sendto", "sendmsg", "write"});
    }
    static double received(const std::map<std::string, double>& calls) {
        return sum(calls, {"recvfrom", "recvmsg", "read", "readv"});
    }

  private:
    std::optional<Client> h1_;
    std::optional<H2Client> h2_;
    std::string why_;
};

INSTANTIATE_TEST_SUITE_P(Over, Cost,
                         testing::Values(Scene::plain, Scene::tls, Scene::h2c, Scene::h2),
                         scene_name);

TEST_P(Cost, AWarmRequestAllocatesNothing) {
    // OpenSSL 3.0 notes each record that it reads in a block of 40 octets, and in a second one.
    const bool tls = GetParam() == Scene::tls || GetParam() == Scene::h2;
    const double record = tls ? 4 : 0;
    EXPECT_LT(allocations_of("GET", "/bytes?n=1024"), record + kElsewhere);
    // Head and body are more than a record.
    EXPECT_LT(allocations_of("GET", "/bytes?n=16384"), 7 * record / 4 + kElsewhere);
    // Over HTTP/2 the body comes in a record of its own.
    const double upload = GetParam() == Scene::h2 ? 3 * record / 2 : record;
    EXPECT_LT(allocations_of("POST", "/upload", std::string(4'096, 'b')), upload + kElsewhere);
}

TEST_P(Cost, AWarmRequestTakesTwoReadsAndTwoWrites) {
    const auto calls = calls_of("GET", "/bytes?n=1024");
    if (calls.empty()) GTEST_SKIP() << "strace can't look at the daemon here: " << why();
    EXPECT_LT(sent(calls), 2 + kElsewhere);
    EXPECT_LT(received(calls), 2 + kElsewhere);
    EXPECT_LT(calls.at("epoll_wait"), 2 + kElsewhere);
    // The access log has a thread of its own, which waits, and writes many lines at once.
    const double log = sum(calls, {"poll", "writev"});
    EXPECT_LT(calls.at("total") - log, 6 + 3 * kElsewhere);
}

TEST_P(Cost, ALongAnswerIsWrittenInFewCalls) {
    const auto calls = calls_of("GET", "/bytes?n=60000");
    if (calls.empty()) GTEST_SKIP() << "strace can't look at the daemon here: " << why();
    // Four records over TLS, all in one call; one call is the request's. The head goes with the
    // first piece, which may be shorter than what follows.
    EXPECT_LT(sent(calls), 2 + kElsewhere);
}

TEST_F(CountedDoor, AWarmRequestOverHttp2ToTheTargetAllocatesLittle) {
#if defined(SWITCHYARD_ASAN) || defined(SWITCHYARD_TSAN)
    GTEST_SKIP() << "A sanitizer allocates for itself.";
#endif
    const RawH2Origin target([](H2OriginConnection& to, const RawH2Origin::Request& request) {
        // In one write: a second one would wait for the acknowledgement of the first.
        to.send(frame(FrameType::headers, kEndHeaders, request.stream,
                      header_block({{":status", "200"},
                                    {"content-length", "5"},
                                    {"content-type", "text/plain"},
                                    {"etag", "x"}})) +
                frame(FrameType::data, kEndStream, request.stream, "hello"));
        return true;
    });
    start_counted(target.address());
    Client client = connect();
    const auto ask = [&](int times) {
        for (int i = 0; i < times; ++i)
            ASSERT_EQ(exchange(client, "GET", "/").body, "hello");
    };
    ask(200);
    const std::uint64_t before = allocations();
    ask(kRequests);
    const double each = static_cast<double>(allocations() - before) / kRequests;
    std::cout << each << " allocations a request\n";
    EXPECT_LT(each, kElsewhere);
}

}  // namespace
}  // namespace switchyard::test
