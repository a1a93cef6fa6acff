// What an origin may answer and what it may not: each with what the client gets to see.
#include "conformance/wire.hpp"

namespace switchyard::test {
namespace {

using namespace std::string_literals;

enum class Verdict {
    passes,   ///< The client gets it.
    refused,  ///< 502 of the proxy.
    aborted,  ///< The head passed, then the connection breaks off.
};

struct Row {
    const char* name;
    std::string bytes;
    Verdict verdict;
    const char* body = "";
};

const std::string kOk = "HTTP/1.1 200 OK\r\n";

std::vector<Row> rows() {
    using enum Verdict;
    return {
        {"length", kOk + "Content-Length: 5\r\n\r\nhello", passes, "hello"},
        {"length of zero", kOk + "Content-Length: 0\r\n\r\n", passes},
        {"chunked", kOk + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", passes,
         "hello"},
        {"chunked with extension",
         kOk + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", passes, "hello"},
        {"until close", kOk + "\r\nhello", passes, "hello"},
        {"HTTP/1.0 until close", "HTTP/1.0 200 OK\r\n\r\nhello", passes, "hello"},
        {"empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", passes},
        {"Latin-1 reason", "HTTP/1.1 200 tr\xe8s bien\r\nContent-Length: 0\r\n\r\n", passes},
        {"more than its length", kOk + "Content-Length: 2\r\n\r\nhello", passes, "he"},
        {"another response behind it",
         kOk + "Content-Length: 5\r\n\r\nhello" + kOk + "Content-Length: 4\r\n\r\nevil", passes,
         "hello"},
        {"interim first",
         "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + kOk + "Content-Length: 5\r\n\r\nhello",
         passes, "hello"},

        {"length and chunked",
         kOk + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
         refused},
        {"chunked and length",
         kOk + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
         refused},
        {"two lengths", kOk + "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello", refused},
        {"two equal lengths", kOk + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", refused},
        {"list of lengths", kOk + "Content-Length: 5, 5\r\n\r\nhello", refused},
        {"length with sign", kOk + "Content-Length: +5\r\n\r\nhello", refused},
        {"length with letter", kOk + "Content-Length: 5x\r\n\r\nhello", refused},
        {"unknown coding", kOk + "Transfer-Encoding: gzip\r\n\r\nhello", refused},
        {"two codings", kOk + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", refused},
        {"chunked twice", kOk + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", refused},
        {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         refused},
        {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", refused},
        {"bare LF in a field", kOk + "X: a\nContent-Length: 5\r\n\r\nhello", refused},
        {"bare CR", kOk + "X: a\rSet-Cookie: evil=1\r\nContent-Length: 5\r\n\r\nhello", refused},
        {"NUL", kOk + "X: a\0b\r\nContent-Length: 5\r\n\r\nhello"s, refused},
        {"NUL in reason", "HTTP/1.1 200 O\0K\r\nContent-Length: 5\r\n\r\nhello"s, refused},
        {"obs-fold", kOk + "X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello", refused},
        {"obs-fold at once", kOk + "X:\r\n b\r\nContent-Length: 5\r\n\r\nhello", refused},
        {"blank before colon", kOk + "Content-Length : 5\r\n\r\nhello", refused},
        {"blank before the first field", kOk + " X: a\r\nContent-Length: 5\r\n\r\nhello", refused},
        {"no colon", kOk + "nothing\r\nContent-Length: 5\r\n\r\nhello", refused},
        {"not HTTP", "SSH-2.0-OpenSSH_9.2p1\r\n", refused},
        {"nothing but a line end", "\r\n", refused},
        {"HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", refused},
        {"HTTP/0.9", "hello", refused},
        {"status of two digits", "HTTP/1.1 99 Low\r\n\r\n", refused},
        {"status of four digits", "HTTP/1.1 2000 High\r\n\r\n", refused},
        {"status 600", "HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n", refused},
        {"status with letters", "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", refused},
        {"101 that nobody asked for",
         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", refused},
        {"half a head", "HTTP/1.1 200 OK\r\nContent-", refused},
        {"huge head", kOk + "X: " + std::string(80'000, 'x') + "\r\n\r\n", refused},
        {"too many fields",
         kOk +
             [] {
                 std::string fields;
                 for (int i = 0; i < 400; ++i)
                     fields += "X: y\r\n";
                 return fields;
             }() +
             "Content-Length: 0\r\n\r\n",
         refused},
        {"bad chunk size", kOk + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
         refused},

        {"shorter than its length", kOk + "Content-Length: 9\r\n\r\nhello", aborted},
        {"chunks that end too early", kOk + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
         aborted},
    };
}

/// The origin sends what the request's body is. PUT, since it closes connections that we may have
/// kept: an idempotent request then goes over a new one.
class Responses : public Wire {
  protected:
    void check(const Row& row, std::string_view query) {
        auto client = open();
        const auto target = "/raw" + std::string(query);
        switch (row.verdict) {
            case Verdict::passes: {
                const auto response = exchange(client, "PUT", target, {}, row.bytes);
                EXPECT_EQ(response.status, 200);
                EXPECT_EQ(response.body, row.body);
                EXPECT_FALSE(response.field("X-Switchyard-Error"));
                EXPECT_EQ(response.field("X-Served-By"), "blue");
                // What came behind it belongs to nobody.
                EXPECT_EQ(exchange(client, "GET", "/").body, "blue blue-origin\n");
                break;
            }
            case Verdict::refused: {
                const auto response = exchange(client, "PUT", target, {}, row.bytes);
                expect_own_error(response, 502, "bad_response");
                EXPECT_EQ(exchange(client, "GET", "/").body, "blue blue-origin\n");
                break;
            }
            case Verdict::aborted:
                EXPECT_THROW(exchange(client, "PUT", target, {}, row.bytes), ClientError);
                break;
        }
    }
};

TEST_P(Responses, GetTheirVerdict) {
    start_wire();
    for (const Row& row : rows()) {
        SCOPED_TRACE(row.name);
        check(row, "");
    }
}

TEST_P(Responses, GetTheSameVerdictInPieces) {
    start_wire();
    for (const Row& row : rows()) {
        if (row.bytes.size() > 1000) continue;
        SCOPED_TRACE(row.name);
        // The verdict on a head or chunk may come when a part of the body is already on its way.
        auto client = open();
        try {
            const auto response = exchange(client, "PUT", "/raw?piece=7", {}, row.bytes);
            if (row.verdict == Verdict::passes) {
                EXPECT_EQ(response.status, 200);
                EXPECT_EQ(response.body, row.body);
            } else {
                EXPECT_EQ(row.verdict, Verdict::refused);
                expect_own_error(response, 502, "bad_response");
            }
        } catch (const ClientError&) {
            EXPECT_NE(row.verdict, Verdict::passes);
        }
    }
}

TEST_P(Responses, ThatNeverHaveABodyHaveNone) {
    start_wire();
    for (const char* status : {"204 No Content", "304 Not Modified"}) {
        SCOPED_TRACE(status);
        auto client = open();
        const auto bytes = "HTTP/1.1 " + std::string(status) +
                           "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        const auto response = exchange(client, "PUT", "/raw", {}, bytes);
        EXPECT_EQ(std::to_string(response.status), std::string(status).substr(0, 3));
        EXPECT_FALSE(response.field("Transfer-Encoding"));
        EXPECT_EQ(response.body, "");
        EXPECT_EQ(exchange(client, "GET", "/").status, 200);
    }
}

INSTANTIATE_TEST_SUITE_P(Over, Responses, both_transports(), transport_name);

}  // namespace
}  // namespace switchyard::test
