#include "upstream/grpc_check.hpp"

#include <gtest/gtest.h>

namespace switchyard::upstream {
namespace {

using namespace std::string_literals;

TEST(GrpcCheck, AsksInTheMessagesOfTheHealthService) {
    EXPECT_EQ(grpc_check_request("").body, "\0\0\0\0\0"s);
    EXPECT_EQ(grpc_check_request("a.B").body, "\0\0\0\0\5\x0a\3a.B"s);
    const std::string name(200, 'x');
    EXPECT_EQ(grpc_check_request(name).body, "\0\0\0\0\xcb\x0a\xc8\1"s + name);
    EXPECT_EQ(grpc_check_request("").path, "/grpc.health.v1.Health/Check");
}

h2::Requester::Answer answer(std::string body, std::string status = "0") {
    h2::Requester::Answer made;
    made.status = 200;
    made.body = std::move(body);
    made.fields = {{"grpc-status", std::move(status)}};
    return made;
}

TEST(GrpcCheck, OnlyServingIsServing) {
    const auto serving = read_grpc_check(answer("\0\0\0\0\2\x08\1"s));
    EXPECT_TRUE(serving.serving);
    EXPECT_EQ(serving.status, "SERVING");
    EXPECT_EQ(serving.problem, "");
    const auto stopped = read_grpc_check(answer("\0\0\0\0\2\x08\2"s));
    EXPECT_FALSE(stopped.serving);
    EXPECT_EQ(stopped.problem, "the health service says NOT_SERVING");
    // Nothing said is zero (proto3); fields of a later version are passed over.
    EXPECT_EQ(read_grpc_check(answer("\0\0\0\0\0"s)).status, "UNKNOWN");
    EXPECT_TRUE(read_grpc_check(answer("\0\0\0\0\6\x12\2ab\x08\1"s)).serving);
}

TEST(GrpcCheck, WhatIsNoAnswerIsNotServing) {
    for (const auto& body : {""s, "\0\0\0\0"s, "\1\0\0\0\2\x08\1"s, "\0\0\0\0\2\x08\xff"s,
                             "\0\0\0\0\2\x12\x7f"s, "\0\0\0\0\1\x0d"s})
        EXPECT_FALSE(read_grpc_check(answer(body)).serving);
    EXPECT_FALSE(read_grpc_check(answer("\0\0\0\0\2\x08\1"s, "13")).serving);
    EXPECT_EQ(read_grpc_check(answer("", "12")).problem,
              "the target has no health service (grpc.health.v1.Health)");
    EXPECT_EQ(read_grpc_check(answer("", "5")).status, "SERVICE_UNKNOWN");
    auto other = answer("\0\0\0\0\2\x08\1"s);
    other.status = 404;
    EXPECT_EQ(read_grpc_check(other).problem, "no answer of gRPC: HTTP status 404");
    other.status = 200;
    other.fields.clear();
    EXPECT_FALSE(read_grpc_check(other).serving);
}

}  // namespace
}  // namespace switchyard::upstream
