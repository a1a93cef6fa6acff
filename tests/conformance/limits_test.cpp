// Limits and time-outs, each with its status code.
#include "conformance/wire.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace switchyard::test {
namespace {

class Limits : public Wire {};

/// An address that takes no connection and refuses none.
class BlackHole {
  public:
    BlackHole() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        auto* const name = reinterpret_cast<sockaddr*>(&address_);
        if (::bind(fd_, name, size) != 0 || ::listen(fd_, 0) != 0 ||
            ::getsockname(fd_, name, &size) != 0) {
            throw std::runtime_error("no black hole");
        }
        for (int i = 0; i < 64; ++i) {
            const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            static_cast<void>(::connect(fd, name, size));
            waiting_.push_back(fd);
        }
    }
    ~BlackHole() {
        ::close(fd_);
        for (const int fd : waiting_)
            ::close(fd);
    }
    BlackHole(const BlackHole&) = delete;
    BlackHole& operator=(const BlackHole&) = delete;
    [[nodiscard]] std::string address() const {
        return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port));
    }

  private:
    int fd_;
    sockaddr_in address_{};
    std::vector<int> waiting_;
};

TEST_P(Limits, OfTheTarget) {
    start_wire({}, "limits: {target_bytes: 100}\n");
    auto client = open();
    EXPECT_EQ(exchange(client, "GET", "/" + std::string(99, 'a')).status, 200);
    const auto response = exchange(client, "GET", "/" + std::string(100, 'a'));
    expect_own_error(response, 414, "target_too_long");
    EXPECT_TRUE(client.ended());
    // Not only when its end has come.
    expect_own_error(ask_raw("GET /" + std::string(500, 'a')), 414, "target_too_long");
}

TEST_P(Limits, OfTheHead) {
    start_wire({}, "limits: {head_bytes: 2KiB}\n");
    auto client = open();
    EXPECT_EQ(exchange(client, "GET", "/", {{"X", std::string(1900, 'x')}}).status, 200);
    expect_own_error(exchange(client, "GET", "/", {{"X", std::string(2100, 'x')}}), 431,
                     "head_too_large");
    EXPECT_TRUE(client.ended());
    expect_own_error(ask_raw("GET / HTTP/1.1\r\nX: " + std::string(10'000, 'x')), 431,
                     "head_too_large");
}

TEST_P(Limits, OfTheHeadHoldForTheLargestToo) {
    start_wire();
    const auto response = ask("GET", "/echo", {{"X", std::string(31'000, 'x')}});
    EXPECT_EQ(seen(response, "X"), Strings{std::string(31'000, 'x')});
    EXPECT_EQ(ask("GET", "/", {{"X", std::string(33'000, 'x')}}).status, 431);
}

TEST_P(Limits, OfTheNumberOfFields) {
    start_wire({}, "limits: {header_count: 10}\n");
    auto client = open();
    EXPECT_EQ(exchange(client, "GET", "/", Fields(9, {"X", "y"})).status, 200);
    expect_own_error(exchange(client, "GET", "/", Fields(10, {"X", "y"})), 431, "too_many_headers");
}

TEST_P(Limits, OfABodyThatSaysItsLength) {
    start_wire("    limits: {body_bytes: 1000}\n");
    auto client = open();
    EXPECT_EQ(exchange(client, "POST", "/upload", {}, std::string(1000, 'x')).status, 200);
    // Before it is sent.
    client.send(request_text("POST", "/upload", {{"Content-Length", "1001"}}));
    const auto response = read_response(client, "POST");
    expect_own_error(response, 413, "body_too_large");
    EXPECT_EQ(started("/upload"), 1);
}

TEST_P(Limits, OfABodyThatDoesNot) {
    start_wire({}, "limits: {body_bytes: 1000}\n");
    auto client = open();
    client.send(request_text("POST", "/upload", {{"Transfer-Encoding", "chunked"}}) +
                chunk(std::string(1000, 'x')) + chunk(""));
    EXPECT_EQ(read_response(client, "POST").status, 200);
    client.send(request_text("POST", "/upload", {{"Transfer-Encoding", "chunked"}}) +
                chunk(std::string(900, 'x')));
    client.send(chunk(std::string(101, 'x')));
    expect_own_error(read_response(client, "POST"), 413, "body_too_large");
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(origin(Colour::blue).books("/upload").at("received").to_number<int>(), 1);
}

TEST_P(Limits, OfConnections) {
    start_wire({}, "workers: 1\nlimits: {connections: 2}\n");
    auto first = open();
    auto second = open();
    EXPECT_EQ(exchange(first, "GET", "/").status, 200);
    EXPECT_EQ(exchange(second, "GET", "/").status, 200);
    expect_own_error(ask("GET", "/"), 503, "too_many_connections");
    first.close();
    EXPECT_TRUE(eventually([&] { return ask("GET", "/").status == 200; }));
    // Far beyond the limit there is no answer any more, and nobody else feels it.
    std::vector<Client> crowd;
    for (int i = 0; i < 100; ++i) {
        try {
            crowd.emplace_back(wire_address());
        } catch (const ClientError&) {
        }
    }
    EXPECT_EQ(exchange(second, "GET", "/").status, 200);
    crowd.clear();
    EXPECT_TRUE(eventually([&] {
        try {
            return ask("GET", "/").status == 200;
        } catch (const ClientError&) {
            return false;
        }
    }));
}

TEST_P(Limits, OfConnectionsPerAddress) {
    start_wire({}, "limits: {connections_per_address: 2}\n");
    auto first = open();
    auto second = open();
    EXPECT_EQ(exchange(first, "GET", "/").status, 200);
    EXPECT_EQ(exchange(second, "GET", "/").status, 200);
    const auto refused = ask("GET", "/");
    expect_own_error(refused, 503, "too_many_connections");
    EXPECT_TRUE(refused.field("Retry-After"));
    first.close();
    EXPECT_TRUE(eventually([&] { return ask("GET", "/").status == 200; }));
    EXPECT_EQ(exchange(second, "GET", "/").status, 200);
}

INSTANTIATE_TEST_SUITE_P(Over, Limits, both_transports(), transport_name);

class Timeouts : public Wire {
  protected:
    void start_quick() {
        start_wire(
            "    timeouts: {connect: 300ms, response_head: 300ms, response_body: 300ms,"
            " request_write: 300ms}\n",
            "timeouts: {request_head: 300ms, request_body: 300ms, response_write: 300ms,"
            " keep_alive: 400ms, tls_handshake: 300ms}\n");
    }
};

TEST_P(Timeouts, OfTheHead) {
    start_quick();
    auto client = open();
    client.send("GET / HTTP/1.1\r\nHost: loc");
    const auto response = read_response(client);
    expect_own_error(response, 408, "request_head_timeout");
    EXPECT_TRUE(client.ended());
}

TEST_P(Timeouts, OfAHeadThatCameInPartsAreTheSame) {
    start_quick();
    auto client = open();
    // The parts don't fit into one block of memory, and what was understood of the first one is
    // not there any more when the answer is made.
    client.send("GET /x HTTP/1.1\r\nHost: a\r\nUser-Agent: u\r\nAccept: application/json\r\nX: " +
                std::string(3000, 'a'));
    ASSERT_TRUE(client.quiet_for(50ms));
    try {
        client.send(std::string(2000, 'b'));
    } catch (const ClientError&) {  // On a slow machine the time is over already.
    }
    expect_own_error(read_response(client), 408, "request_head_timeout");
    EXPECT_EQ(ask("GET", "/").status, 200);
}

TEST_P(Timeouts, OfTheHeadAreNotPutOffByDribbling) {
    start_quick();
    auto client = open();
    client.send("GET / HTTP/1.1\r\n");
    // An octet now and then is no progress: it is the whole head that has a time.
    const Deadline patience;
    while (!patience.passed() && client.quiet_for(50ms))
        client.send("X");
    ASSERT_FALSE(patience.passed());
    EXPECT_EQ(read_response(client).status, 408);
}

TEST_P(Timeouts, OfTheBody) {
    start_quick();
    for (const Fields& framing :
         {Fields{{"Content-Length", "10"}}, Fields{{"Transfer-Encoding", "chunked"}}}) {
        auto client = open();
        client.send(request_text("POST", "/upload", framing) + "5\r\nhe");
        expect_own_error(read_response(client, "POST"), 408, "request_body_timeout");
        EXPECT_TRUE(client.ended());
    }
    EXPECT_EQ(origin(Colour::blue).books("/upload").at("received").to_number<int>(), 0);
}

TEST_P(Timeouts, OfTheBodyCountFromTheLastOctet) {
    start_quick();
    auto client = open();
    client.send(request_text("POST", "/upload", {{"Content-Length", "10"}}));
    // Longer than the time-out in all, but never without news for so long.
    for (int i = 0; i < 10; ++i) {
        client.send("x");
        EXPECT_TRUE(i == 9 || client.quiet_for(80ms));
    }
    EXPECT_EQ(read_response(client, "POST").status, 200);
}

TEST_P(Timeouts, OfAnOriginThatHangs) {
    start_quick();
    auto client = open();
    const auto response = exchange(client, "GET", "/hang");
    expect_own_error(response, 504, "response_timeout");
    EXPECT_TRUE(response.keep_alive());
    EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    // It was asked once: who hangs may have done its work.
    EXPECT_EQ(started("/hang"), 1);
}

TEST_P(Timeouts, OfAnOriginThatDoesNotAcceptTheConnection) {
    // A listening socket that nobody accepts from: once its queue is full, connects hang.
    const BlackHole hole;
    auto text = config("    timeouts: {connect: 300ms}\n    retries: 0\n");
    const auto at = text.find(origin(Colour::blue).address());
    text.replace(at, origin(Colour::blue).address().size(), hole.address());
    Daemon daemon(text);
    daemon.start();
    Client client(daemon.address());
    expect_own_error(exchange(client, "GET", "/"), 504, "connect_timeout");
}

TEST_P(Timeouts, OfAnOriginThatStopsInTheMiddle) {
    start_quick();
    for (const char* target : {"/hang?n=1000", "/hang?n=1000&chunked=1"}) {
        auto client = open();
        client.send(request_text("GET", target));
        auto response = read_head(client);
        EXPECT_EQ(response.status, 200);
        EXPECT_THROW(read_body(client, response, "GET", [](std::string_view) {}), ClientError);
    }
}

TEST_P(Timeouts, OfAnOriginThatDoesNotAcceptItsRequest) {
    start_quick();
    // The whole process is stopped: the kernel takes the connection, then the buffers fill up.
    origin(Colour::blue).freeze();
    auto client = open();
    client.send(request_text("POST", "/upload", {{"Content-Length", "100000000"}}));
    send_until_answered(client, 100'000'000);
    const auto response = read_response(client, "POST");
    EXPECT_EQ(response.status, 504) << response.body;
    origin(Colour::blue).go_on();
}

TEST_P(Timeouts, OfAnOriginThatDoesNotAcceptItsRequestAreItsOwn) {
    // Not that of the response, which counts from the end of the request.
    start_wire("    timeouts: {response_head: 10m, request_write: 300ms}\n");
    origin(Colour::blue).freeze();
    auto client = open();
    client.send(request_text("POST", "/upload", {{"Content-Length", "100000000"}}));
    send_until_answered(client, 100'000'000);
    expect_own_error(read_response(client, "POST"), 504, "request_write_timeout");
    origin(Colour::blue).go_on();
}

TEST_P(Timeouts, OfAClientThatDoesNotRead) {
    start_quick();
    auto client = open();
    client.shrink_receive_buffer();
    client.send(request_text("GET", "/bytes?n=1000000000"));
    EXPECT_TRUE(eventually(
        [&] { return origin(Colour::blue).books("/bytes").at("aborted").to_number<int>() == 1; }));
    auto response = read_head(client);
    EXPECT_THROW(read_body(client, response, "GET", [](std::string_view) {}), ClientError);
}

TEST_P(Timeouts, OfAnIdleConnectionEndItSilently) {
    start_quick();
    auto fresh = open();
    EXPECT_EQ(fresh.read_to_end(), "");
    auto used = open();
    EXPECT_EQ(exchange(used, "GET", "/").status, 200);
    EXPECT_EQ(used.read_to_end(), "");
}

TEST_P(Timeouts, OfAHandshakeEndTheConnection) {
    if (GetParam() == Transport::plain) GTEST_SKIP();
    start_quick();
    Client client(wire_address());
    client.send("\x16\x03\x01");
    EXPECT_TRUE(client.ended());
}

INSTANTIATE_TEST_SUITE_P(Over, Timeouts, both_transports(), transport_name);

}  // namespace
}  // namespace switchyard::test
