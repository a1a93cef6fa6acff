// Requests that must not pass, each with its verdict. Behind each hides a second request: if it
// ever reaches the origin, two sides disagreed about where the first one ends.
#include "conformance/wire.hpp"

namespace switchyard::test {
namespace {

using namespace std::string_literals;

struct Row {
    const char* name;
    std::string bytes;
    int status;
};

const std::string kHost = "Host: localhost\r\n";
const std::string kHidden = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::string post(const std::string& fields, const std::string& body) {
    return "POST /first HTTP/1.1\r\n" + kHost + fields + "\r\n" + body;
}
std::string fields_only(const std::string& fields) {
    return "GET /first HTTP/1.1\r\n" + kHost + fields + "\r\n";
}

/// Content-Length and Transfer-Encoding in all the ways that confuse.
std::vector<Row> framing_rows() {
    const std::string chunks = "0\r\n\r\n";
    std::vector<Row> rows = {
        {"CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", chunks + "G"), 400},
        {"TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\n"), 400},
        {"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400},
        {"two equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
        {"list of lengths", post("Content-Length: 5, 6\r\n", "hello"), 400},
        {"list of equal lengths", post("Content-Length: 5, 5\r\n", "hello"), 400},
        {"length with plus", post("Content-Length: +5\r\n", "hello"), 400},
        {"length with minus", post("Content-Length: -5\r\n", "hello"), 400},
        {"length in hex", post("Content-Length: 0x5\r\n", "hello"), 400},
        {"length with blank inside", post("Content-Length: 5 5\r\n", "hello"), 400},
        {"length of nothing", post("Content-Length:\r\n", "hello"), 400},
        {"length with letter", post("Content-Length: 5x\r\n", "hello"), 400},
        {"length with fraction", post("Content-Length: 5.0\r\n", "hello"), 400},
        {"length too big", post("Content-Length: 18446744073709551621\r\n", "hello"), 400},
        {"length bigger than any", post("Content-Length: 9223372036854775808\r\n", "hello"), 400},
        {"length and unknown coding",
         post("Content-Length: 5\r\nTransfer-Encoding: gzip\r\n", "hello"), 400},
        {"coding in HTTP/1.0",
         "POST /first HTTP/1.0\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n" + chunks, 400},
    };
    const std::pair<const char*, int> codings[] = {
        {"Transfer-Encoding: xchunked", 501},
        {"Transfer-Encoding: chunked, identity", 501},
        {"Transfer-Encoding: identity, chunked", 501},
        {"Transfer-Encoding: chunked, chunked", 501},
        {"Transfer-Encoding: gzip, chunked", 501},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400},
        {"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", 501},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400},
        {"Transfer-Encoding: chunked;q=1", 501},
        {"Transfer-Encoding: \"chunked\"", 501},
        {"Transfer-Encoding:", 501},
        {"Transfer-Encoding: ,chunked", 501},
        {"Transfer-Encoding: \vchunked", 400},
        {"Transfer-Encoding: \x01"
         "chunked",
         400},
        {"Transfer-Encoding: chunked\x7f", 400},
        {"Transfer-Encoding : chunked", 400},
        {"Transfer-Encoding\t: chunked", 400},
        {" Transfer-Encoding: chunked", 400},
        {"Transfer-Encoding:\r\n chunked", 400},
        {"Transfer-Encoding: chun\r\n ked", 400},
        {"X: y\rTransfer-Encoding: chunked", 400},
        {"X: y\nTransfer-Encoding: chunked", 400},
        {"Transfer\rEncoding: chunked", 400},
    };
    for (const auto& [field, status] : codings) {
        rows.push_back({field, post(std::string(field) + "\r\n", chunks), status});
    }
    return rows;
}

std::vector<Row> head_rows() {
    return {
        {"bare LF after request line", "GET /first HTTP/1.1\n" + kHost + "\r\n", 400},
        {"bare LF after field", "GET /first HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", 400},
        {"bare LF as end", "GET /first HTTP/1.1\nHost: localhost\n\n", 400},
        {"bare CR in value", fields_only("X: a\rb\r\n"), 400},
        {"two CRs", fields_only("X: a\r\r\n"), 400},
        {"NUL in value", fields_only("X: a\0b\r\n"s), 400},
        {"NUL in name", fields_only("X\0: b\r\n"s), 400},
        {"NUL in target", "GET /fi\0rst HTTP/1.1\r\n"s + kHost + "\r\n", 400},
        {"control character", fields_only("X: \x02\r\n"), 400},
        {"obs-fold", fields_only("X: a\r\n b\r\n"), 400},
        {"obs-fold with tab", fields_only("X: a\r\n\tb\r\n"), 400},
        {"obs-fold at once", fields_only("X:\r\n b\r\n"), 400},
        {"obs-fold of Host", "GET /first HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n", 400},
        {"blank before colon", fields_only("X : b\r\n"), 400},
        {"blank before the first field", "GET /first HTTP/1.1\r\n " + kHost + "\r\n", 400},
        {"no colon", fields_only("nothing\r\n"), 400},
        {"empty name", fields_only(": b\r\n"), 400},
        {"blank in name", fields_only("A B: c\r\n"), 400},
        {"brackets in name", fields_only("A(B): c\r\n"), 400},
        {"blank before method", " " + fields_only(""), 400},
        {"LF before method", "\n" + fields_only(""), 400},
        {"two empty lines before method", "\r\n\r\n" + fields_only(""), 400},
        {"two blanks", "GET  /first HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"two blanks before version", "GET /first  HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"tabs", "GET\t/first\tHTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"blank after version", "GET /first HTTP/1.1 \r\n" + kHost + "\r\n", 400},
        {"no version", "GET /first\r\n" + kHost + "\r\n", 400},
        {"HTTP/0.9", "GET /first\r\n\r\n", 400},
        {"lower-case version", "GET /first http/1.1\r\n" + kHost + "\r\n", 400},
        {"long version", "GET /first HTTP/1.11\r\n" + kHost + "\r\n", 400},
        {"HTTP/1.2", "GET /first HTTP/1.2\r\n" + kHost + "\r\n", 505},
        {"HTTP/2.0", "GET /first HTTP/2.0\r\n" + kHost + "\r\n", 505},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"method with a bad character", "GE(T /first HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"no method", "/first HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"endless method", std::string(100, 'M') + " /first HTTP/1.1\r\n" + kHost + "\r\n", 501},
        {"fragment", "GET /first#part HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"UTF-8 in target", "GET /fi\xc3\xa9rst HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"relative target", "GET first HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"other scheme", "GET ftp://localhost/first HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"asterisk with GET", "GET * HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"authority with user", "GET http://u@localhost/first HTTP/1.1\r\n" + kHost + "\r\n", 400},
        {"CONNECT", "CONNECT localhost:443 HTTP/1.1\r\n" + kHost + "\r\n", 501},
        {"TRACE", "TRACE /first HTTP/1.1\r\n" + kHost + "\r\n", 405},
        {"no Host", "GET /first HTTP/1.1\r\n\r\n", 400},
        {"two Hosts", fields_only("Host: other\r\n"), 400},
        {"two equal Hosts", fields_only("host: localhost\r\n"), 400},
        {"empty Host", "GET /first HTTP/1.1\r\nHost:\r\n\r\n", 400},
        {"list of Hosts", "GET /first HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
        {"Host with path", "GET /first HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"Host with user", "GET /first HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
        {"Host with bad port", "GET /first HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400},
        {"Expect something else", fields_only("Expect: the best\r\n"), 417},
    };
}

class BadRequests : public Wire {
  protected:
    void refuse(const std::vector<Row>& rows) {
        for (const Row& row : rows) {
            SCOPED_TRACE(row.name);
            auto client = open();
            client.send(row.bytes + kHidden);
            const auto response = read_response(client);
            EXPECT_EQ(response.status, row.status) << response.body;
            EXPECT_TRUE(response.field("X-Switchyard-Error")) << response.body;
            EXPECT_FALSE(response.field("X-Origin-Colour"));
            EXPECT_FALSE(response.keep_alive());
            // Nothing of what follows is answered.
            EXPECT_TRUE(client.ended());
        }
        EXPECT_EQ(started("/first"), 0);
        EXPECT_EQ(started("/smuggled"), 0);
        EXPECT_EQ(origin(Colour::blue).books().at("malformed").to_number<int>(), 0);
        EXPECT_EQ(ask("GET", "/").status, 200);
    }
};

TEST_P(BadRequests, WithAmbiguousFramingAreRefused) {
    start_wire();
    refuse(framing_rows());
}

TEST_P(BadRequests, WithAMalformedHeadAreRefused) {
    start_wire();
    refuse(head_rows());
}

TEST_P(BadRequests, ArrivingInPiecesAreRefusedToo) {
    start_wire();
    for (const auto& rows : {framing_rows(), head_rows()}) {
        for (const Row& row : rows) {
            SCOPED_TRACE(row.name);
            auto client = open();
            const auto half = row.bytes.size() / 2;
            const auto bytes = row.bytes + kHidden;
            client.send(bytes.substr(0, half));
            // Where that is enough to refuse it, the rest may find a closed door.
            try {
                client.send(bytes.substr(half));
            } catch (const ClientError&) {
            }
            EXPECT_EQ(read_response(client).status, row.status);
            EXPECT_TRUE(client.ended());
        }
    }
    EXPECT_EQ(started("/smuggled"), 0);
}

/// The chunked body of an upload, and what is wrong with it.
TEST_P(BadRequests, WithMalformedChunksAreRefused) {
    start_wire();
    const std::pair<const char*, std::string> bodies[] = {
        {"no size", "\r\nhello\r\n0\r\n\r\n"},
        {"sign", "+5\r\nhello\r\n0\r\n\r\n"},
        {"prefix", "0x5\r\nhello\r\n0\r\n\r\n"},
        {"blank before size", " 5\r\nhello\r\n0\r\n\r\n"},
        {"blank after size", "5 \r\nhello\r\n0\r\n\r\n"},
        {"size of 17 digits", "10000000000000005\r\nhello\r\n0\r\n\r\n"},
        {"bare LF after size", "5\nhello\r\n0\r\n\r\n"},
        {"bare CR after size", "5\rhello\r\n0\r\n\r\n"},
        {"bare LF after data", "5\r\nhello\n0\r\n\r\n"},
        {"no line end after data", "5\r\nhello0\r\n\r\n"},
        {"too much data", "5\r\nhello!\r\n0\r\n\r\n"},
        {"bare LF in extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"},
        {"NUL in extension", "5;\0\r\nhello\r\n0\r\n\r\n"s},
        {"flood of extensions", "5;" + std::string(20'000, 'x') + "\r\nhello\r\n0\r\n\r\n"},
        {"bare LF at the end", "5\r\nhello\r\n0\r\n\n"},
        {"trailer without colon", "5\r\nhello\r\n0\r\nX\r\n\r\n"},
        {"folded trailer", "5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n"},
        {"flood of trailers", "0\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"},
    };
    for (const auto& [name, body] : bodies) {
        SCOPED_TRACE(name);
        auto client = open();
        client.send("POST /upload HTTP/1.1\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n");
        client.send(body + kHidden);
        const auto response = read_response(client);
        expect_own_error(response, 400, "bad_chunk");
        EXPECT_TRUE(client.ended());
    }
    EXPECT_EQ(started("/smuggled"), 0);
    // No body that was refused was complete for the origin.
    EXPECT_EQ(origin(Colour::blue).books("/upload").at("received").to_number<int>(), 0);
    EXPECT_EQ(origin(Colour::blue).books().at("malformed").to_number<int>(), 0);
}

TEST_P(BadRequests, ThatAreTlsOnAPlainPortGetAnAnswer) {
    start_wire();
    Client client(address());
    client.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s);
    expect_own_error(read_response(client), 400, "tls_on_plain_port");
}

/// What looks odd, but is legal.
TEST_P(BadRequests, AreNotConfusedWithUnusualOnes) {
    start_wire();
    const std::pair<const char*, std::string> requests[] = {
        {"empty line first", "\r\n" + fields_only("")},
        {"no blanks around value", fields_only("X:y\r\n")},
        {"blanks around value", fields_only("X: \t y \t \r\n")},
        {"empty value", fields_only("X:\r\n")},
        {"Latin-1 in value", fields_only("X: caf\xe9\r\n")},
        {"unknown method", "BREW /first HTTP/1.1\r\n" + kHost + "\r\n"},
        {"caps in names", "GET /first HTTP/1.1\r\nHOST: LOCALHOST\r\nx-lower: 1\r\n\r\n"},
        {"length with zeros", post("Content-Length: 005\r\n", "hello")},
        {"length of zero", post("Content-Length: 0\r\n", "")},
        {"chunked in caps", post("TRANSFER-ENCODING: Chunked\r\n", "0\r\n\r\n")},
        {"chunked after tab", post("Transfer-Encoding:\tchunked\t\r\n", "0\r\n\r\n")},
        {"chunk extension", post("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n")},
        {"size in caps", post("Transfer-Encoding: chunked\r\n", "A\r\n0123456789\r\n000\r\n\r\n")},
        {"body of a GET", fields_only("Content-Length: 5\r\n") + "hello"},
        {"query", "GET /first?a=b&c=%20;/?:@!$'()*+,[]{}|\\^`\"<> HTTP/1.1\r\n" + kHost + "\r\n"},
        {"two slashes", "GET //first//x HTTP/1.1\r\n" + kHost + "\r\n"},
        {"HTTP/1.0 without Host", "GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
    };
    auto client = open();
    for (const auto& [name, bytes] : requests) {
        SCOPED_TRACE(name);
        client.send(bytes);
        const auto response = read_response(client);
        EXPECT_EQ(response.status, 200) << response.body;
        EXPECT_EQ(colour_of(response), "blue");
    }
    EXPECT_EQ(origin(Colour::blue).books().at("malformed").to_number<int>(), 0);
}

INSTANTIATE_TEST_SUITE_P(Over, BadRequests, both_transports(), transport_name);

}  // namespace
}  // namespace switchyard::test
