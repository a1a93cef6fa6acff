// What TLS does below HTTP must not show above it: records that come in parts, and both directions
// of one connection at once.
#include "conformance/wire.hpp"
#include "support/raw_origin.hpp"

namespace switchyard::test {
namespace {

class TlsRecords : public FrontDoor {
  protected:
    /// The only listener speaks TLS.
    [[nodiscard]] std::string tls_config(std::string_view top = {}) const {
        auto yaml = config({}, top);
        return yaml.replace(0, yaml.find("services:"), "listeners:\n" + certificates_.listener());
    }
    [[nodiscard]] Client open() const {
        return Client(address(), TlsOptions{.ca_file = certificates_.ca(), .alpn = {}});
    }

    /// Sends a record octet by octet, much faster than any time-out, until the daemon does
    /// something; how many it took, or the whole record.
    static std::size_t dribble(Client& client, std::string_view record) {
        for (std::size_t sent = 0; sent < record.size(); ++sent) {
            if (!client.quiet_for(20ms)) return sent;
            try {
                client.send_raw(record.substr(sent, 1));
            } catch (const ClientError&) {
                return sent;
            }
        }
        return record.size();
    }

    TestCertificates certificates_;
};

TEST_F(TlsRecords, PartsOfOneDontKeepAnIdleConnectionAlive) {
    start(tls_config("timeouts: {keep_alive: 800ms, request_head: 10m}\n"));
    for (const bool used : {false, true}) {
        SCOPED_TRACE(used);
        auto client = open();
        if (used) {
            EXPECT_EQ(exchange(client, "GET", "/").status, 200);
        }
        // 10 seconds of octets, each of them news for the socket and none of them for the session.
        const auto record =
            client.seal(request_text("GET", "/late", {{"X", std::string(450, 'x')}}));
        EXPECT_LT(dribble(client, record), record.size());
        EXPECT_TRUE(client.ended());
    }
    EXPECT_EQ(origin(Colour::blue).books("/late").at("started").to_number<int>(), 0);
}

TEST_F(TlsRecords, PartsOfOneDontPutOffTheTimeoutOfAHead) {
    start(tls_config("timeouts: {keep_alive: 10m, request_head: 800ms}\n"));
    auto client = open();
    client.send("GET /late HTTP/1.1\r\n");
    const auto rest = client.seal("Host: localhost\r\nX: " + std::string(450, 'x') + "\r\n\r\n");
    EXPECT_LT(dribble(client, rest), rest.size());
    expect_own_error(read_response(client), 408, "request_head_timeout");
    EXPECT_EQ(origin(Colour::blue).books("/late").at("started").to_number<int>(), 0);
}

/// Sends the chunks of the request back as they come: the one body is read while the other is
/// written, and neither goes on without the other.
void echo_chunks(int fd) {
    std::string text;
    std::string piece(100'000, '\0');
    bool answered = false;
    for (;;) {
        const auto count = ::recv(fd, piece.data(), piece.size(), 0);
        if (count <= 0) return;
        text.append(piece, 0, static_cast<std::size_t>(count));
        if (!answered) {
            const auto end = text.find("\r\n\r\n");
            if (end == std::string::npos) continue;
            if (text.starts_with("GET ")) {
                RawOrigin::send_all(fd, kHealthy);
                return;
            }
            text.replace(0, end + 4, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            answered = true;
        }
        if (!RawOrigin::send_all(fd, text)) return;
        text.clear();
    }
}

TEST_F(TlsRecords, AnUploadAndItsAnswerPassEachOther) {
    constexpr std::size_t kBytes = 24'000'000;
    constexpr std::size_t kPiece = 60'000;
    constexpr std::size_t kFull = 5'000'000;
    constexpr std::size_t kNearlyEmpty = 300'000;
    const RawOrigin echo(echo_chunks);
    auto yaml = tls_config();
    const auto& blue = origin(Colour::blue).address();
    yaml.replace(yaml.find(blue), blue.size(), echo.address());
    yaml.replace(yaml.find("interval: 50ms"), 14, "interval: 10m");
    start(yaml);
    auto client = open();
    client.send(request_text("POST", "/", {{"Transfer-Encoding", "chunked"}}));

    std::string body(kPiece, '\0');
    std::string unsent;
    std::size_t offset = 0;
    PatternChecker checker(Colour::blue);
    int updates = 0;
    std::size_t updated_at = 0;
    bool filling = true;
    // As much as is taken, until both directions are full; when they are nearly empty, new keys,
    // which have the side that reads write, and again. One request for keys at a time: what was
    // sent after the last one is back, so that is answered. (OpenSSL 3.0 fails at a second one
    // while it can't write the answer to the first.)
    const auto send_more = [&] {
        const std::size_t on_the_way = offset - checker.offset();
        if (on_the_way > kFull) filling = false;
        if (!filling && on_the_way < kNearlyEmpty && unsent.empty()) {
            filling = true;
            if (checker.offset() > updated_at) {
                client.update_keys();
                ++updates;
                updated_at = offset;
            }
        }
        if (unsent.empty() && filling && offset < kBytes) {
            fill_pattern(Colour::blue, offset, body);
            offset += body.size();
            unsent = chunk(body);
            if (offset >= kBytes) unsent += chunk("");
        }
        unsent.erase(0, client.send_some(unsent, Deadline(0ms)));
    };
    send_more();
    auto head = read_head(client);
    ASSERT_EQ(head.status, 200);
    read_body(client, head, "POST", [&](std::string_view piece) {
        ASSERT_FALSE(checker.feed(piece)) << "after byte " << checker.offset();
        send_more();
    });
    EXPECT_EQ(checker.offset(), kBytes);
    EXPECT_GT(updates, 0);
    EXPECT_TRUE(head.keep_alive());
}

}  // namespace
}  // namespace switchyard::test
