#include "h2/response_reader.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::h2 {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Outcome {
    bool accepted = false;
    http::ResponseHead head;
    ResponseReader reader;
};

Outcome read(const Pairs& fields, bool ends = false, http::Verb verb = http::Verb::get) {
    Outcome out;
    out.reader.start();
    for (const auto& [name, value] : fields)
        EXPECT_TRUE(out.reader.add(name, value));
    out.reader.complete(ends);
    out.accepted = out.reader.finish(out.head, verb);
    return out;
}

TEST(ResponseReader, AUsualHead) {
    const auto out = read({{":status", "200"}, {"content-length", "5"}, {"x-a", "b"}});
    ASSERT_TRUE(out.accepted);
    EXPECT_EQ(out.head.status, 200U);
    EXPECT_EQ(out.head.version, 20U);
    EXPECT_EQ(out.head.framing, http::Framing::length);
    EXPECT_EQ(out.head.content_length, 5U);
    ASSERT_EQ(out.head.fields.size(), 2U);
    EXPECT_EQ(out.head.fields[1].value, "b");
}

TEST(ResponseReader, HowABodyIsFramed) {
    EXPECT_EQ(read({{":status", "200"}}).head.framing, http::Framing::chunked);
    EXPECT_EQ(read({{":status", "200"}}, true).head.framing, http::Framing::none);
    // Trailers may follow an empty body.
    const auto empty = read({{":status", "200"}, {"content-length", "0"}});
    EXPECT_EQ(empty.head.framing, http::Framing::chunked);
    EXPECT_FALSE(empty.head.has_content_length);
    for (const char* status : {"204", "304"})
        EXPECT_EQ(read({{":status", status}}).head.framing, http::Framing::none);
    const auto head = read({{":status", "200"}, {"content-length", "5"}}, true, http::Verb::head);
    EXPECT_TRUE(head.accepted);
    EXPECT_EQ(head.head.framing, http::Framing::none);
    EXPECT_EQ(head.head.content_length, 5U);
}

TEST(ResponseReader, WhatIsNoResponse) {
    EXPECT_FALSE(read({}).accepted);
    EXPECT_FALSE(read({{":status", "20x"}}).accepted);
    EXPECT_FALSE(read({{":status", "600"}}).accepted);
    EXPECT_FALSE(read({{":status", "101"}}).accepted);
    EXPECT_FALSE(read({{":status", "103"}}, true).accepted);
    EXPECT_FALSE(read({{":status", "200"}, {":status", "200"}}).accepted);
    EXPECT_FALSE(read({{"x-a", "b"}, {":status", "200"}}).accepted);
    EXPECT_FALSE(read({{":status", "200"}, {":path", "/"}}).accepted);
    EXPECT_FALSE(read({{":status", "200"}, {"X-A", "b"}}).accepted);
    EXPECT_FALSE(read({{":status", "200"}, {"x-a", "b\nc"}}).accepted);
    EXPECT_FALSE(read({{":status", "200"}, {"connection", "close"}}).accepted);
    EXPECT_FALSE(read({{":status", "200"}, {"transfer-encoding", "chunked"}}).accepted);
    EXPECT_FALSE(read({{":status", "200"}, {"content-length", "5"}}, true).accepted);
}

TEST(ResponseReader, StopsAtWhatHttp1StopsAt) {
    ResponseReader reader;
    reader.start();
    bool more = true;
    std::size_t count = 0;
    while (more && count < 100'000) {
        more = reader.add("x-a", "b");
        ++count;
    }
    EXPECT_LE(count, kResponseLimits.header_count + 2);
    reader.start();
    EXPECT_FALSE(reader.add("x-a", std::string(kResponseLimits.head_bytes, 'x')));
}

}  // namespace
}  // namespace switchyard::h2
