// Long bodies of known length between sockets without TLS go through a pipe (splice(2)): nobody may
// be able to tell, but by looking at the daemon's descriptors.
#include "conformance/wire.hpp"
#include "support/raw_origin.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

namespace switchyard::test {
namespace {

/// More than the pipes that one worker has.
constexpr int kReaders = 150;
constexpr std::size_t kPipes = 128;

class Piped : public Wire {
  protected:
    void start(std::string_view service = {}) {
        // On a slow machine the last of many readers waits long for its turn.
        start_wire(service, "workers: 1\ntimeouts: {response_write: 10m}\n");
        before_ = ends_of_pipes();
    }
    void start_as(const std::string& yaml) {
        start_wire_as(yaml);
        before_ = ends_of_pipes();
    }

    /// Ends of pipes that the daemon has more than at its start.
    [[nodiscard]] std::size_t more_ends() { return ends_of_pipes() - before_; }

    [[nodiscard]] static std::size_t expected(std::size_t ends) {
        return GetParam() == Transport::plain ? ends : 0;
    }

    /// A download that is under way, of which its reader has seen the head.
    [[nodiscard]] Client reader(std::string_view target, Response& response) const {
        auto client = open();
        client.send(request_text("GET", target));
        response = read_head(client);
        EXPECT_EQ(response.status, 200);
        return client;
    }

    [[nodiscard]] int aborted() {
        return origin(Colour::blue).books("/bytes").at("aborted").to_number<int>();
    }

    static void expect_whole(Client& client, Response& response, std::uint64_t size) {
        PatternChecker checker(Colour::blue);
        bool fits = true;
        read_body(client, response, "GET",
                  [&](std::string_view piece) { fits = fits && !checker.feed(piece); });
        EXPECT_TRUE(fits);
        EXPECT_EQ(checker.offset(), size);
    }

    /// Downloads of these sizes, each with a short request right behind it that is there before the
    /// answer has ended.
    static void get_in_turn(Client& client, std::initializer_list<std::uint64_t> sizes) {
        for (const std::uint64_t size : sizes) {
            const std::string target = "/bytes?n=" + std::to_string(size);
            client.send(request_text("GET", target) + request_text("GET", "/"));
            auto response = read_head(client);
            expect_whole(client, response, size);
            EXPECT_EQ(read_response(client).body.substr(0, 4), "blue");
        }
    }

  private:
    [[nodiscard]] std::size_t ends_of_pipes() {
        std::size_t count = 0;
        const std::string folder = "/proc/" + std::to_string(daemon().pid()) + "/fd";
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            std::error_code gone;
            const auto target = std::filesystem::read_symlink(entry, gone);
            if (!gone && target.string().starts_with("pipe:")) ++count;
        }
        return count;
    }

    std::size_t before_ = 0;
};

TEST_P(Piped, OneAfterTheOtherTheyUseTheSamePipeAndConnections) {
    start();
    auto client = open();
    get_in_turn(client, {131'071, 200'000, 1'000'000, 5'000'000});
    EXPECT_EQ(more_ends(), expected(2));
    EXPECT_EQ(exchange(client, "HEAD", "/bytes?n=5000000").status, 200);
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    const auto http10 = ask_raw("GET /bytes?n=1000000 HTTP/1.0\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(http10.body.size(), 1'000'000U);
    EXPECT_EQ(more_ends(), expected(2));
}

TEST_P(Piped, WithoutAPipeTheyAreCopied) {
    start();
    constexpr std::uint64_t kSize = 6'000'000;
    std::vector<Client> clients;
    std::vector<Response> responses(kReaders);
    for (Response& response : responses)
        clients.push_back(reader("/bytes?n=" + std::to_string(kSize), response));
    EXPECT_TRUE(eventually([&] { return more_ends() == expected(2 * kPipes); })) << more_ends();
    for (std::size_t i = 0; i < clients.size(); ++i)
        expect_whole(clients[i], responses[i], kSize);
    EXPECT_EQ(more_ends(), expected(2 * kPipes));
}

TEST_P(Piped, ThatBreakOffLeaveNoPipeBehindThatHoldsAnything) {
    start("    timeouts: {response_body: 300ms}\n");
    for (const char* target : {"/truncate?n=9000000&at=3000000", "/reset?n=9000000&at=3000000",
                               "/hang?n=9000000&at=3000000"}) {
        SCOPED_TRACE(target);
        Response response;
        auto client = open();
        client.send(request_text("GET", target));
        try {
            response = read_head(client);
            read_body(client, response, "GET", [](std::string_view) {});
            ADD_FAILURE() << "a part was passed off as the whole";
        } catch (const ClientError& error) {
            EXPECT_EQ(error.kind, ClientError::Kind::broken) << error.what();
        }
    }
    // Readers that go while the pipe is full.
    for (int i = 0; i < 5; ++i) {
        Response response;
        auto client = reader("/bytes?n=1000000000", response);
        static_cast<void>(client.read_exactly(100'000));
        client.reset();
    }
    EXPECT_TRUE(eventually([&] { return aborted() == 5; }));
    EXPECT_TRUE(eventually([&] { return more_ends() <= expected(2); })) << more_ends();
    Response response;
    auto client = reader("/bytes?n=5000000", response);
    expect_whole(client, response, 5'000'000);
}

TEST_P(Piped, AreCutAtTheEndOfADrain) {
    start();
    Response response;
    auto client = reader("/bytes?n=1000000000", response);
    static_cast<void>(client.read_exactly(100'000));
    switch_to(Colour::green, R"("drain_timeout_ms":200)");
    EXPECT_THROW(read_body(client, response, "GET", [](std::string_view) {}), ClientError);
    EXPECT_TRUE(eventually([&] { return more_ends() <= expected(2); })) << more_ends();
    EXPECT_EQ(ask("GET", "/").body.substr(0, 5), "green");
}

TEST_P(Piped, FromAUnixSocketAsWell) {
    const TempDir dir;
    const OriginProcess there(Colour::blue, {.listen = "unix:" + dir.file("app.sock")});
    auto yaml = config({}, "workers: 1\n");
    const auto address = origin(Colour::blue).address();
    yaml.replace(yaml.find(address), address.size(), "unix:" + dir.file("app.sock"));
    start_as(yaml);
    auto client = open();
    get_in_turn(client, {200'000, 20'000'000});
    EXPECT_EQ(more_ends(), expected(2));
    // One that breaks off is visible, and leaves nothing in the pipe that the next one takes.
    Response response;
    auto broken = reader("/truncate?n=9000000&at=3000000", response);
    EXPECT_THROW(read_body(broken, response, "GET", [](std::string_view) {}), ClientError);
    auto next = reader("/bytes?n=5000000", response);
    expect_whole(next, response, 5'000'000);
    EXPECT_EQ(more_ends(), expected(2));
}

INSTANTIATE_TEST_SUITE_P(Over, Piped, both_transports(), transport_name);

/// What an origin says now and then is not held back for more of it (MSG_MORE): each of these
/// pieces waits until the one before has arrived.
TEST(PipedPieces, GoOnAsTheyCome) {
    constexpr std::size_t kPieces = 20;
    constexpr std::size_t kPiece = 500;
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t allowed = 0;
    const RawOrigin origin([&](int fd) {
        std::string head;
        char octet = 0;
        while (!head.ends_with("\r\n\r\n")) {
            if (::read(fd, &octet, 1) != 1) return;
            head += octet;
        }
        RawOrigin::send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        for (std::size_t piece = 0; piece < kPieces; ++piece) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return allowed > piece; });
            RawOrigin::send_all(fd, std::string(kPiece, 'x'));
        }
        ::shutdown(fd, SHUT_RDWR);
    });
    Daemon daemon(
        "listeners: [{address: \"127.0.0.1:0\"}]\n"
        "admin: {socket: \"${DIR}/admin.sock\"}\n"
        "services:\n  app:\n    hosts: [\"*\"]\n"
        "    slots: {blue: {targets: [\"" +
        origin.address() + "\"]}}\n");
    daemon.start();
    Client client(daemon.address());
    client.send(request_text("GET", "/"));
    static_cast<void>(read_head(client));
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t piece = 0; piece < kPieces; ++piece) {
        {
            const std::lock_guard lock(mutex);
            allowed = piece + 1;
        }
        changed.notify_all();
        EXPECT_EQ(client.read_exactly(kPiece), std::string(kPiece, 'x'));
    }
    // Each that is held back waits for a timer of 200 ms.
    EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
}

}  // namespace
}  // namespace switchyard::test
