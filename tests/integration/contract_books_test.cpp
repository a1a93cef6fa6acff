// C18: every accepted request ends as exactly one thing, and the sums agree with what the origins
// and the clients saw.
#include "integration/contract.hpp"

#include <array>
#include <atomic>
#include <random>
#include <thread>

namespace switchyard::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Over, SwitchContract, all_transports(), transport_name);

/// What the clients saw, by the slot that answered.
struct Seen {
    std::atomic<std::int64_t> completed{0};
    std::atomic<std::int64_t> client_abort{0};
    std::atomic<std::int64_t> upstream_error{0};
    std::atomic<std::int64_t> refused{0};
    std::atomic<std::int64_t> cut{0};
    /// By path, to compare with the origin's own books.
    std::atomic<std::int64_t> root{0}, upload{0}, status{0}, truncate{0}, bytes{0};
};

class Clients {
  public:
    Clients(std::function<Visitor()> visit, std::array<Seen, 2>& seen,
            std::atomic<std::int64_t>& malformed)
        : visit_(std::move(visit)), seen_(seen), malformed_(malformed) {}

    void run(unsigned seed, const std::atomic<bool>& done) {
        std::mt19937 random(seed);
        auto client = visit_();
        while (!done) {
            switch (random() % 8) {
                case 0:
                    upload(client);
                    break;
                case 1:
                    status(client);
                    break;
                case 2:
                    truncated(client);
                    break;
                case 3:
                    leave(client);
                    break;
                case 4:
                    malformed(client);
                    break;
                case 5:
                    info(client);
                    break;
                default:
                    plain(client);
                    break;
            }
        }
    }

  private:
    Seen& of(const Response& response) {
        const auto colour = parse_colour(colour_of(response));
        EXPECT_TRUE(colour) << response.status << " " << response.body;
        return seen_[index_of(colour.value_or(Colour::blue))];
    }

    void plain(Visitor& client) {
        auto& seen = of(client.exchange("GET", "/"));
        ++seen.completed;
        ++seen.root;
    }
    void upload(Visitor& client) {
        auto& seen = of(client.exchange("POST", "/upload", {}, std::string(20'000, 'u')));
        ++seen.completed;
        ++seen.upload;
    }
    void status(Visitor& client) {
        auto& seen = of(client.exchange("GET", "/status?code=500"));
        ++seen.completed;
        ++seen.status;
    }
    void truncated(Visitor& client) {
        client.ask("GET", "/truncate?n=2000&at=1000");
        auto head = client.head();
        EXPECT_NE(client.body(head, [](std::string_view) {}), Visitor::End::complete);
        auto& seen = of(head);
        ++seen.upstream_error;
        ++seen.truncate;
        client = visit_();
    }
    void leave(Visitor& client) {
        client.ask("GET", "/bytes?n=50000000&rate=1000000");
        auto& seen = of(client.head());
        ++seen.client_abort;
        ++seen.bytes;
        client.leave();
        client = visit_();
    }
    void malformed(Visitor& client) {
        EXPECT_EQ(client.exchange("GET", "/", {{"Host", "another"}}).status, 400);
        ++malformed_;
        client = visit_();
    }
    void info(Visitor& client) {
        const auto response = client.exchange("GET", "/server_info");
        EXPECT_EQ(response.status, 200);
        const auto colour = parse_colour(response.body);
        ASSERT_TRUE(colour) << response.body;
        ++seen_[index_of(*colour)].refused;
    }

    std::function<Visitor()> visit_;
    std::array<Seen, 2>& seen_;
    std::atomic<std::int64_t>& malformed_;
};

void expect_sums(const boost::json::value& books) {
    EXPECT_EQ(number(books, "accepted"),
              number(books, "completed") + number(books, "client_abort") +
                  number(books, "upstream_error") + number(books, "refused") +
                  number(books, "cut") + number(books, "in_flight"))
        << boost::json::serialize(books);
}

TEST_P(SwitchContract, C18_TheBooksOfClientsProxyAndOriginsAgree) {
    start_over_transport();
    std::array<Seen, 2> seen;
    std::atomic<std::int64_t> malformed{0};
    std::atomic<bool> done{false};
    {
        Clients clients([this] { return visit(); }, seen, malformed);
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < 4; ++i)
            threads.emplace_back([&, i] { clients.run(i + 1, done); });
        for (int i = 0; i < 12; ++i) {
            // A drain over these switches would cut what the clients are about to leave anyway.
            switch_to(i % 2 == 0 ? Colour::green : Colour::blue, R"("drain_timeout_ms":60000)");
            const auto accepted = number(admin().service("app").at("books"), "accepted");
            EXPECT_TRUE(eventually([&] {
                return number(admin().service("app").at("books"), "accepted") >= accepted + 20;
            }));
        }
        done = true;
    }
    // And two that are cut.
    auto first = long_poll(Colour::blue);
    auto second = long_poll(Colour::blue);
    auto stream = switching(Colour::green, R"("drain_timeout_ms":50)");
    stream.next_event("drained");
    EXPECT_EQ(first.answer().status, 503);
    EXPECT_EQ(second.answer().status, 503);
    seen[index_of(Colour::blue)].cut = 2;

    ASSERT_TRUE(eventually(
        [this] { return number(admin().service("app").at("books"), "in_flight") == 0; }));
    const auto service = admin().service("app");
    expect_sums(service.at("books"));
    std::int64_t accepted = 0;
    for (const auto colour : kColours) {
        SCOPED_TRACE(to_string(colour));
        const auto& books = service.at("slots").at(to_string(colour)).at("books");
        const auto& mine = seen[index_of(colour)];
        expect_sums(books);
        EXPECT_EQ(number(books, "completed"), mine.completed);
        EXPECT_EQ(number(books, "client_abort"), mine.client_abort);
        EXPECT_EQ(number(books, "upstream_error"), mine.upstream_error);
        EXPECT_EQ(number(books, "refused"), mine.refused);
        EXPECT_EQ(number(books, "cut"), mine.cut);
        EXPECT_GT(mine.completed, 0);
        EXPECT_EQ(started(colour, "/"), mine.root);
        EXPECT_EQ(started(colour, "/upload"), mine.upload);
        EXPECT_EQ(started(colour, "/status"), mine.status);
        EXPECT_EQ(started(colour, "/truncate"), mine.truncate);
        EXPECT_EQ(started(colour, "/bytes"), mine.bytes);
        EXPECT_EQ(started(colour, "/sleep"), mine.cut);
        EXPECT_EQ(number(origin(colour).books(), "malformed"), 0);
        accepted += number(books, "accepted");
    }
    EXPECT_EQ(number(service.at("books"), "accepted"), accepted);
    const auto status = admin().get("/v1/status").json();
    expect_sums(status.at("unrouted"));
    EXPECT_EQ(number(status.at("unrouted"), "refused"), malformed);
    EXPECT_EQ(number(status.at("unrouted"), "accepted"), malformed);
}

}  // namespace
}  // namespace switchyard::test
