// Which responses are compressed, and what their heads say then.
#include "compress/plan.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <boost/beast/http/field.hpp>
#include <gtest/gtest.h>

namespace switchyard::compress {
namespace {

using Algorithm = config::Compression::Algorithm;
using http::Field;

Field field(std::string_view name, std::string_view value) {
    return {boost::beast::http::string_to_field({name.data(), name.size()}), name, value};
}

std::string text(const http::Fields& fields) {
    std::string all;
    for (const Field& one : fields)
        all += std::string(one.name) + ": " + std::string(one.value) + "\n";
    return all;
}

class PlanTest : public testing::Test {
  protected:
    PlanTest() {
        request.verb = http::Verb::get;
        request.fields = {field("Accept-Encoding", "gzip, br")};
        response.status = 200;
        response.fields = {field("Content-Type", "text/html; charset=utf-8")};
        response.framing = http::Framing::length;
        response.content_length = 5000;
        response.has_content_length = true;
    }
    /// "br", "gzip"; "varies": not for this client; "never".
    [[nodiscard]] std::string plan() const {
        const Plan made = make_plan(options, request, response);
        if (made.coding) return made.varies ? config::to_string(*made.coding) : "not varied?";
        return made.varies ? "varies" : "never";
    }
    [[nodiscard]] std::string with(std::string_view name, std::string_view value) {
        response.fields.push_back(field(name, value));
        std::string made = plan();
        response.fields.pop_back();
        return made;
    }
    [[nodiscard]] std::string asked_with(std::string_view name, std::string_view value) {
        request.fields.push_back(field(name, value));
        std::string made = plan();
        request.fields.pop_back();
        return made;
    }
    [[nodiscard]] std::string of_type(std::string_view type) {
        response.fields[0].value = type;
        return plan();
    }

    config::Compression options;
    http::RequestHead request;
    http::ResponseHead response;
    HeadScratch scratch;
};

TEST_F(PlanTest, WhatIsLongAndOfAListedTypeIs) {
    EXPECT_EQ(plan(), "br");
    options.algorithms = {Algorithm::gzip};
    EXPECT_EQ(plan(), "gzip");
    request.fields.clear();
    EXPECT_EQ(plan(), "varies");
    request.fields = {field("Accept-Encoding", "gzip;q=0, br;q=0")};
    EXPECT_EQ(plan(), "varies");
}

TEST_F(PlanTest, TypesAreComparedWithoutParametersAndCase) {
    EXPECT_EQ(of_type("text/plain"), "br");
    EXPECT_EQ(of_type("TEXT/Plain"), "br");
    EXPECT_EQ(of_type("application/json;charset=utf-8"), "br");
    EXPECT_EQ(of_type("application/json , x"), "never");
    EXPECT_EQ(of_type("image/png"), "never");
    EXPECT_EQ(of_type("application/jsonx"), "never");
    EXPECT_EQ(of_type("textual/plain"), "never");
    EXPECT_EQ(of_type("text"), "never");
    EXPECT_EQ(of_type(""), "never");
    response.fields.clear();
    EXPECT_EQ(plan(), "never");
}

TEST_F(PlanTest, EventStreamsOnlyIfTheyAreNamed) {
    EXPECT_EQ(of_type("text/event-stream"), "never");
    options.types.emplace_back("text/event-stream");
    EXPECT_EQ(of_type("text/event-stream"), "br");
}

TEST_F(PlanTest, WhatMustNotBeTransformedIsNot) {
    EXPECT_EQ(with("Content-Encoding", "gzip"), "never");
    EXPECT_EQ(with("Content-Encoding", "zstd"), "never");
    EXPECT_EQ(with("Content-Encoding", "identity"), "br");
    EXPECT_EQ(with("Content-Range", "bytes 0-4999/9000"), "never");
    EXPECT_EQ(with("Cache-Control", "no-transform"), "never");
    EXPECT_EQ(with("Cache-Control", "max-age=60, No-Transform"), "never");
    EXPECT_EQ(with("Cache-Control", "no-store, max-age=0"), "br");
    for (const char* const name : {"Content-MD5", "Digest", "Repr-Digest", "content-digest",
                                   "Signature", "Signature-Input"}) {
        EXPECT_EQ(with(name, "x"), "never") << name;
        EXPECT_EQ(with("Trailer", std::string("X-Sum, ") + name), "never") << name;
    }
    EXPECT_EQ(with("Trailer", "X-Sum"), "br");
    EXPECT_EQ(asked_with("Cache-Control", "no-transform"), "varies");
    EXPECT_EQ(asked_with("Range", "bytes=0-"), "varies");
}

TEST_F(PlanTest, WhatHasNoBodyOrAShortOneIsNot) {
    for (const unsigned status : {204U, 205U, 206U, 304U, 101U}) {
        response.status = status;
        EXPECT_EQ(plan(), "never") << status;
    }
    for (const unsigned status : {200U, 201U, 404U, 500U}) {
        response.status = status;
        EXPECT_EQ(plan(), "br") << status;
    }
    response.content_length = 1024;
    EXPECT_EQ(plan(), "br");
    response.content_length = 1023;
    EXPECT_EQ(plan(), "never");
    response.has_content_length = false;
    response.framing = http::Framing::chunked;
    EXPECT_EQ(plan(), "br");
    options.min_length = 0;
    response.has_content_length = true;
    response.content_length = 0;
    EXPECT_EQ(plan(), "never");
    response.framing = http::Framing::none;
    EXPECT_EQ(plan(), "never");
    // As for GET.
    request.verb = http::Verb::head;
    response.content_length = 5000;
    EXPECT_EQ(plan(), "br");
}

TEST_F(PlanTest, VaryIsMerged) {
    const auto varied = [this](http::Fields fields) {
        say_that_it_varies(fields, scratch);
        return text(fields);
    };
    EXPECT_EQ(varied({}), "Vary: Accept-Encoding\n");
    EXPECT_EQ(varied({field("Vary", "")}), "Vary: Accept-Encoding\n");
    EXPECT_EQ(varied({field("Vary", "Origin")}), "Vary: Origin, Accept-Encoding\n");
    EXPECT_EQ(varied({field("vary", "Origin"), field("Vary", "Cookie")}),
              "vary: Origin\nVary: Cookie, Accept-Encoding\n");
    EXPECT_EQ(varied({field("Vary", "accept-encoding , Origin")}),
              "Vary: accept-encoding , Origin\n");
    EXPECT_EQ(varied({field("Vary", "X-Accept-Encoding")}),
              "Vary: X-Accept-Encoding, Accept-Encoding\n");
    EXPECT_EQ(varied({field("Vary", "*")}), "Vary: *\n");
}

TEST_F(PlanTest, TheHeadSaysWhatTheBodyIs) {
    http::Fields fields = {field("ETag", "\"abc\""), field("Accept-Ranges", "bytes"),
                           field("Content-Encoding", "identity"), field("X", "y")};
    say_that_it_is_compressed(fields, Algorithm::gzip, scratch);
    EXPECT_EQ(text(fields), "ETag: W/\"abc\"\nX: y\nContent-Encoding: gzip\n");
    fields = {field("ETag", "W/\"abc\"")};
    say_that_it_is_compressed(fields, Algorithm::brotli, scratch);
    EXPECT_EQ(text(fields), "ETag: W/\"abc\"\nContent-Encoding: br\n");
}

TEST_F(PlanTest, NotModifiedNamesTheETagThatTheClientHas) {
    const auto adapted = [this](std::string_view asked, std::string_view etag) {
        request.fields = {field("If-None-Match", asked)};
        http::Fields fields = {field("ETag", etag)};
        adapt_not_modified(request, fields, scratch);
        return text(fields);
    };
    EXPECT_EQ(adapted("W/\"abc\"", "\"abc\""), "ETag: W/\"abc\"\nVary: Accept-Encoding\n");
    EXPECT_EQ(adapted("\"x\", W/\"abc\"", "\"abc\""), "ETag: W/\"abc\"\nVary: Accept-Encoding\n");
    EXPECT_EQ(adapted("\"abc\"", "\"abc\""), "ETag: \"abc\"\n");
    EXPECT_EQ(adapted("W/\"abd\"", "\"abc\""), "ETag: \"abc\"\n");
    EXPECT_EQ(adapted("W/\"abc\"", "W/\"abc\""), "ETag: W/\"abc\"\n");
    EXPECT_EQ(adapted("*", "\"abc\""), "ETag: \"abc\"\n");
}

}  // namespace
}  // namespace switchyard::compress
