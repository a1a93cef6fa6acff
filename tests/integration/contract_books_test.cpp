// C18: every accepted request ends as exactly one thing, and the sums agree with what the origins
// and the clients saw.
#include "integration/contract.hpp"

#include <array>
#include <atomic>
#include <random>
#include <thread>

namespace switchyard::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Over, SwitchContract, testing::Values(Transport::plain, Transport::tls),
                         transport_name);

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
    Clients(std::function<Client()> come_in, std::array<Seen, 2>& seen,
            std::atomic<std::int64_t>& malformed)
        : come_in_(std::move(come_in)), seen_(seen), malformed_(malformed) {}

    void run(unsigned seed, const std::atomic<bool>& done) {
        std::mt19937 random(seed);
        auto client = come_in_();
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

    void plain(Client& client) {
        auto& seen = of(exchange(client, "GET", "/"));
        ++seen.completed;
        ++seen.root;
    }
    void upload(Client& client) {
        auto& seen = of(exchange(client, "POST", "/upload", {}, std::string(20'000, 'u')));
        ++seen.completed;
        ++seen.upload;
    }
    void status(Client& client) {
        auto& seen = of(exchange(client, "GET", "/status?code=500"));
        ++seen.completed;
        ++seen.status;
    }
    void truncated(Client& client) {
        client.send(request_text("GET", "/truncate?n=2000&at=1000"));
        auto head = read_head(client);
        EXPECT_THROW(read_body(client, head, "GET", [](std::string_view) {}), ClientError);
        auto& seen = of(head);
        ++seen.upstream_error;
        ++seen.truncate;
        client = come_in_();
    }
    void leave(Client& client) {
        client.send(request_text("GET", "/bytes?n=50000000&rate=1000000"));
        auto& seen = of(read_head(client));
        ++seen.client_abort;
        ++seen.bytes;
        client.reset();
        client = come_in_();
    }
    void malformed(Client& client) {
        client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
        EXPECT_EQ(read_response(client).status, 400);
        ++malformed_;
        client = come_in_();
    }
    void info(Client& client) {
        const auto response = exchange(client, "GET", "/server_info");
        EXPECT_EQ(response.status, 200);
        const auto colour = parse_colour(response.body);
        ASSERT_TRUE(colour) << response.body;
        ++seen_[index_of(*colour)].refused;
    }

    std::function<Client()> come_in_;
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
        Clients clients([this] { return come_in(); }, seen, malformed);
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
    EXPECT_EQ(read_response(first).status, 503);
    EXPECT_EQ(read_response(second).status, 503);
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
