// The policy alone, without the library below that has looked at most of it before.
#include "h2/request_reader.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::h2 {
namespace {

using namespace std::string_literals;
using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Read {
    RequestReader reader;
    http::RequestHead head;
    http::Verdict verdict;
    bool within = true;

    explicit Read(const Pairs& fields, bool end_stream = true,
                  const http::HeadLimits& limits = {}) {
        reader.start(limits);
        for (const auto& [name, value] : fields)
            within = within && reader.add(name, value);
        verdict = reader.finish(head, end_stream);
    }
};

Pairs usual(const Pairs& more = {}) {
    Pairs fields = {
        {":method", "GET"}, {":scheme", "https"}, {":path", "/a?b"}, {":authority", "example.com"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
}

TEST(RequestReader, MakesAHead) {
    const Read read(usual({{"accept", "*/*"}}));
    ASSERT_TRUE(read.verdict.accepted()) << read.verdict.code;
    EXPECT_EQ(read.head.version, 20u);
    EXPECT_EQ(read.head.method, "GET");
    EXPECT_EQ(read.head.verb, http::Verb::get);
    EXPECT_EQ(read.head.target, "/a?b");
    EXPECT_EQ(read.head.path, "/a");
    EXPECT_EQ(read.head.host, "example.com");
    EXPECT_EQ(read.head.value(http::FieldId::accept), "*/*");
    EXPECT_EQ(read.head.framing, http::Framing::none);
    EXPECT_TRUE(read.head.idempotent);
}

TEST(RequestReader, MakesAnUpgradeOfAnExtendedConnect) {
    const Pairs fields = {{":method", "CONNECT"},        {":protocol", "websocket"},
                          {":scheme", "https"},          {":path", "/chat?a"},
                          {":authority", "example.com"}, {"sec-websocket-version", "13"}};
    for (const bool end_stream : {false, true}) {
        const Read read(fields, end_stream);
        ASSERT_TRUE(read.verdict.accepted()) << read.verdict.code;
        EXPECT_EQ(read.head.method, "GET");
        EXPECT_EQ(read.head.verb, http::Verb::get);
        EXPECT_EQ(read.head.upgrade, "websocket");
        EXPECT_EQ(read.head.origin_target, "/chat?a");
        EXPECT_EQ(read.head.host, "example.com");
        EXPECT_EQ(read.head.framing, http::Framing::none);
        EXPECT_EQ(read.head.fields.size(), 2u) << "host and the version";
    }
    const auto verdict_with = [&](std::size_t at, const std::string& name,
                                  const std::string& value) {
        Pairs changed = fields;
        changed[at] = {name, value};
        return Read(changed).verdict.code;
    };
    EXPECT_EQ(verdict_with(0, ":method", "GET"), "bad_protocol");
    EXPECT_EQ(verdict_with(1, ":protocol", ""), "bad_protocol");
    EXPECT_EQ(verdict_with(1, ":protocol", "websocket, foo"), "bad_protocol");
    EXPECT_EQ(verdict_with(1, ":protocol", "foo/1.0"), "");
    EXPECT_EQ(verdict_with(1, ":protocol", "foo/"), "bad_protocol");
    EXPECT_EQ(verdict_with(1, "x-none", "v"), "bad_header") << "pseudo-header fields are late";
    EXPECT_EQ(verdict_with(2, ":scheme", "ftp"), "bad_scheme");
    EXPECT_EQ(verdict_with(3, ":path", "*"), "bad_target");
    EXPECT_EQ(verdict_with(5, "content-length", "5"), "bad_framing");
    EXPECT_EQ(verdict_with(5, "content-length", "0"), "");
    EXPECT_EQ(Read({{":method", "CONNECT"}, {":authority", "a"}}).verdict.code,
              "connect_not_supported");
    // What was before is forgotten.
    RequestReader reader;
    http::RequestHead head;
    for (const auto& pairs : {fields, usual()}) {
        reader.start({});
        for (const auto& [name, value] : pairs)
            ASSERT_TRUE(reader.add(name, value));
        ASSERT_TRUE(reader.finish(head, true).accepted());
    }
    EXPECT_TRUE(head.upgrade.empty());
}

TEST(RequestReader, FramesBodiesForHttp1) {
    EXPECT_EQ(Read(usual(), false).head.framing, http::Framing::chunked);
    const Read length(usual({{"content-length", "5"}}), false);
    EXPECT_EQ(length.head.framing, http::Framing::length);
    EXPECT_EQ(length.head.content_length, 5u);
    EXPECT_EQ(Read(usual({{"content-length", "0"}}), true).head.framing, http::Framing::none);
    EXPECT_EQ(Read(usual({{"content-length", "5"}}), true).verdict.code, "bad_framing");
}

TEST(RequestReader, RefusesWhatWouldBecomeAnotherRequest) {
    const std::pair<const char*, Pairs> rows[] = {
        {"capital letter", usual({{"X-A", "b"}})},
        {"empty name", usual({{"", "b"}})},
        {"colon in name", usual({{"x:", "b"}})},
        {"line end in name", usual({{"x\r\ny", "b"}})},
        {"line end in value", usual({{"x", "a\r\nb: c"}})},
        {"LF in value", usual({{"x", "a\nb"}})},
        {"NUL in value", usual({{"x", "a\0b"s}})},
        {"control character", usual({{"x", "a\x01"}})},
        {"blank before", usual({{"x", " a"}})},
        {"tab behind", usual({{"x", "a\t"}})},
        {"line end in cookie", usual({{"cookie", "a\r\nb: c"}})},
        {"connection", usual({{"connection", "close"}})},
        {"transfer-encoding", usual({{"transfer-encoding", "chunked"}})},
        {"upgrade", usual({{"upgrade", "h2c"}})},
        {"keep-alive", usual({{"keep-alive", "5"}})},
        {"proxy-connection", usual({{"proxy-connection", "close"}})},
        {"te", usual({{"te", "chunked"}})},
        {"two lengths", usual({{"content-length", "0"}, {"content-length", "0"}})},
        {"signed length", usual({{"content-length", "+0"}})},
        {"another host", usual({{"host", "example.org"}})},
        {"two hosts", usual({{"host", "example.com"}, {"host", "example.com"}})},
        {"late pseudo-header field", usual({{"x", "y"}, {":path", "/other"}})},
        {"second path", usual({{":path", "/other"}})},
        {"unknown pseudo-header field", usual({{":foo", "bar"}})},
        {"no method", {{":scheme", "https"}, {":path", "/"}, {":authority", "a"}}},
        {"no path", {{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}}},
        {"no scheme", {{":method", "GET"}, {":path", "/"}, {":authority", "a"}}},
        {"no authority", {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}}},
        {"absolute form",
         {{":method", "GET"}, {":scheme", "http"}, {":path", "http://a/"}, {":authority", "a"}}},
        {"blank in path",
         {{":method", "GET"}, {":scheme", "http"}, {":path", "/ HTTP/1.1"}, {":authority", "a"}}},
        {"blank in method",
         {{":method", "GET /"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}}},
        {"user information",
         {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "u@a"}}},
    };
    for (const auto& [name, fields] : rows) {
        const Read read(fields);
        EXPECT_EQ(read.verdict.status, 400u) << name << ": " << read.verdict.code;
    }
}

TEST(RequestReader, JoinsCrumbs) {
    const Read read(usual({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}}));
    ASSERT_TRUE(read.verdict.accepted());
    EXPECT_EQ(read.head.value(http::FieldId::cookie), "a=1; b=2");
    int cookies = 0;
    for (const auto& field : read.head.fields)
        cookies += field.id == http::FieldId::cookie ? 1 : 0;
    EXPECT_EQ(cookies, 1);
}

TEST(RequestReader, ConnectIsForTunnels) {
    const Read read({{":method", "CONNECT"}, {":authority", "a:80"}});
    EXPECT_EQ(read.verdict.status, 501u);
    EXPECT_EQ(read.head.method, "CONNECT") << "for the log";
}

TEST(RequestReader, KeepsToLimits) {
    const http::HeadLimits limits{1024, 5, 100};
    EXPECT_EQ(Read(usual({{"x", std::string(1000, 'v')}}), true, limits).verdict.code,
              "head_too_large");
    Pairs many;
    for (int i = 0; i < 8; ++i)
        many.emplace_back("x", "y");
    EXPECT_EQ(Read(usual(many), true, limits).verdict.code, "too_many_headers");
    Pairs long_path = usual();
    long_path[2].second = "/" + std::string(100, 'p');
    EXPECT_EQ(Read(long_path, true, limits).verdict.code, "target_too_long");
    EXPECT_TRUE(Read(usual({{"x", std::string(3000, 'v')}}), true, limits).within);
    EXPECT_FALSE(Read(usual({{"x", std::string(4096, 'v')}}), true, limits).within);
}

TEST(RequestReader, IsUsedAgain) {
    RequestReader reader;
    http::RequestHead head;
    for (int i = 0; i < 3; ++i) {
        reader.start({});
        for (const auto& [name, value] : usual({{"cookie", "a=" + std::to_string(i)}}))
            ASSERT_TRUE(reader.add(name, value));
        ASSERT_TRUE(reader.finish(head, true).accepted());
        EXPECT_EQ(head.value(http::FieldId::cookie), "a=" + std::to_string(i));
    }
}

TEST(ReadTrailers, TakesWhatMayPass) {
    FieldStore store;
    store.add("x-checksum", "abc");
    store.add("content-length", "5");
    store.add("x-bad", "a\r\nb");
    http::Fields fields;
    read_trailers(store, fields);
    ASSERT_EQ(fields.size(), 1u);
    EXPECT_EQ(fields[0].name, "x-checksum");
}

}  // namespace
}  // namespace switchyard::h2
