#include "h1/serialize.hpp"

#include <string>

#include <gtest/gtest.h>

namespace switchyard::h1 {
namespace {

using http::FieldId;
using http::Framing;

http::OutgoingResponse response(Framing framing, std::uint64_t length = 0) {
    http::OutgoingResponse head;
    head.reason = "OK";
    head.framing = framing;
    head.content_length = length;
    return head;
}

std::string text_of(const http::OutgoingResponse& head, bool chunked,
                    ConnectionLine connection = ConnectionLine::none) {
    std::string out = "kept ";
    append_response(out, head, chunked, connection);
    EXPECT_TRUE(out.starts_with("kept "));
    return out.substr(5);
}

TEST(AppendResponse, WritesStatusFieldsAndFraming) {
    auto head = response(Framing::length, 12345678901ULL);
    head.fields = {{FieldId::server, "Server", "app"}, {FieldId::unknown, "X-Empty", ""}};
    head.raw_lines = "X-Served-By: blue\r\n";
    EXPECT_EQ(text_of(head, false),
              "HTTP/1.1 200 OK\r\nServer: app\r\nX-Empty: \r\nX-Served-By: blue\r\n"
              "Content-Length: 12345678901\r\n\r\n");
}

TEST(AppendResponse, ChunkedHasNoLength) {
    EXPECT_EQ(text_of(response(Framing::chunked), true),
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(AppendResponse, WithoutABodyTheLengthIsStatedOnlyWhenAsked) {
    auto head = response(Framing::none, 7);
    EXPECT_EQ(text_of(head, false), "HTTP/1.1 200 OK\r\n\r\n");
    head.send_content_length = true;
    EXPECT_EQ(text_of(head, false), "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
}

TEST(AppendResponse, SaysWhatBecomesOfTheConnection) {
    const auto head = response(Framing::none);
    EXPECT_EQ(text_of(head, false, ConnectionLine::close),
              "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(text_of(head, false, ConnectionLine::keep_alive),
              "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n");
}

TEST(AppendResponse, KeepsAnEmptyReasonAndAnyStatus) {
    auto head = response(Framing::none);
    head.status = 599;
    head.reason = "";
    EXPECT_EQ(text_of(head, false), "HTTP/1.1 599 \r\n\r\n");
}

TEST(AppendRequest, WritesEachFraming) {
    http::OutgoingRequest head;
    head.method = "POST";
    head.target = "/a?b";
    head.fields = {{FieldId::host, "Host", "a"}};
    std::string out;
    append_request(out, head);
    EXPECT_EQ(out, "POST /a?b HTTP/1.1\r\nHost: a\r\n\r\n");
    head.framing = Framing::length;
    head.content_length = 5;
    out.clear();
    append_request(out, head);
    EXPECT_EQ(out, "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    head.framing = Framing::chunked;
    out.clear();
    append_request(out, head);
    EXPECT_EQ(out, "POST /a?b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(ReasonPhrase, IsTheUsualOneOrNothing) {
    EXPECT_EQ(reason_phrase(200), "OK");
    EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
    EXPECT_EQ(reason_phrase(504), "Gateway Timeout");
    for (unsigned status = 100; status < 600; ++status) {
        EXPECT_EQ(reason_phrase(status).find_first_of("\r\n"), std::string_view::npos);
    }
}

}  // namespace
}  // namespace switchyard::h1
