// What a client learns of a stream that the target has reset (RFC 9113 §7, "gRPC over HTTP2").
#include "conformance/h2_origin.hpp"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace switchyard::test {
namespace {

/// The code that a request's path asks for: "/8".
H2Code code_in(const std::string& path) {
    return static_cast<H2Code>(std::stoul(path.substr(1)));
}
std::string path_of(H2Code code) {
    return "/" + std::to_string(static_cast<std::uint32_t>(code));
}

TEST_F(H2Origin, C09_OfAResetAfterTheHeadTheClientHearsWhatIsTrueForIt) {
    std::atomic<int> seen{0};
    int answered = 0;
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        to.answer(request.stream, {{":status", "200"}}, false);
        to.data(request.stream, "some");
        for (++answered; seen < answered;)
            std::this_thread::yield();
        to.send(rst_stream(request.stream, code_in(request.path())));
        return true;
    });
    start(config_for(target.address()) + "workers: 1\n");
    const std::vector<std::pair<H2Code, H2Code>> cases = {
        {H2Code::cancel, H2Code::cancel},
        {H2Code::enhance_your_calm, H2Code::enhance_your_calm},
        // It would say that all is well, or that nothing was done.
        {H2Code::no_error, H2Code::internal_error},
        {H2Code::refused_stream, H2Code::internal_error},
        // These are of the target's connection.
        {H2Code::protocol_error, H2Code::internal_error},
        {H2Code::inadequate_security, H2Code::internal_error},
        {H2Code::http_1_1_required, H2Code::internal_error},
        {static_cast<H2Code>(0xdeadbeef), H2Code::internal_error},
    };
    auto client = come_in();
    for (const auto& [said, heard] : cases) {
        for (const bool grpc : {true, false}) {
            auto request = h2_request("GET", path_of(said));
            if (grpc) request.emplace_back("content-type", "application/grpc");
            const auto id = client.open(request);
            auto* answer = &client.wait_head(id);
            while (answer->response.body.empty())
                ASSERT_TRUE(client.read_frame());
            ++seen;
            answer = &client.wait(id);
            EXPECT_FALSE(answer->ended) << path_of(said);
            ASSERT_TRUE(answer->reset) << path_of(said);
            // There are clients that take CANCEL for an end in good order.
            EXPECT_EQ(*answer->reset, grpc ? heard : H2Code::internal_error) << path_of(said);
        }
    }
    EXPECT_EQ(target.connections(), 1);
    EXPECT_TRUE(client.goaways().empty())
        << "what a target resets is not the client's to answer for";
}

TEST_F(H2Origin, ACallOfGrpcThatWasResetGetsTheStatusOfTheCode) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        to.send(rst_stream(request.stream, code_in(request.path())));
        return true;
    });
    start_with(target, "    retries: 0\n");
    const std::vector<std::pair<H2Code, std::string>> cases = {
        {H2Code::no_error, "13"},
        {H2Code::protocol_error, "13"},
        {H2Code::internal_error, "13"},
        {H2Code::refused_stream, "14"},
        {H2Code::cancel, "1"},
        {H2Code::enhance_your_calm, "8"},
        {H2Code::inadequate_security, "7"},
    };
    auto client = come_in();
    for (const auto& [code, status] : cases) {
        const auto answer =
            client.exchange("POST", path_of(code), {{"content-type", "application/grpc"}});
        EXPECT_EQ(answer.status, 200) << path_of(code);
        EXPECT_EQ(answer.field("grpc-status"), status) << path_of(code);
        EXPECT_EQ(answer.field("grpc-message"), "Bad Gateway (upstream_closed)") << path_of(code);
        // To all others it is what it was.
        EXPECT_EQ(client.exchange("POST", path_of(code)).status, 502) << path_of(code);
    }
}

TEST_F(H2Origin, AHeadThatIsTakenBackAtOnceIsNoAnswer) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        // One read for both.
        to.send(frame(FrameType::headers, kEndHeaders, request.stream,
                      header_block({{":status", "200"}, {"x-a", "b"}})) +
                rst_stream(request.stream, code_in(request.path())));
        return true;
    });
    start_with(target, "    retries: 0\n");
    auto client = come_in();
    auto answer = client.exchange("POST", path_of(H2Code::cancel));
    EXPECT_EQ(answer.status, 502);
    EXPECT_EQ(answer.field("X-Switchyard-Error"), "upstream_closed");
    EXPECT_EQ(answer.field("x-a"), std::nullopt);
    answer =
        client.exchange("POST", path_of(H2Code::cancel), {{"content-type", "application/grpc"}});
    EXPECT_EQ(answer.field("grpc-status"), "1");
}

TEST_F(H2Origin, ACompleteResponseIsNoFailureWhateverResetFollows) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        to.answer_with(request.stream, "enough", {{"x-a", "b"}});
        to.send(rst_stream(request.stream, code_in(request.path())));
        return true;
    });
    start(config_for(target.address()) + "workers: 1\n");
    auto client = come_in();
    for (const H2Code code : {H2Code::no_error, H2Code::cancel, H2Code::internal_error}) {
        // More than the target ever takes.
        const auto id = client.open(h2_request("POST", path_of(code)), false);
        client.send_data(id, std::string(16'000, 'u'));
        auto& answer = client.wait(id);
        EXPECT_EQ(answer.response.status, 200);
        EXPECT_EQ(answer.response.body, "enough");
        EXPECT_TRUE(answer.ended);
        while (!answer.reset)
            ASSERT_TRUE(client.read_frame());
        EXPECT_EQ(*answer.reset, H2Code::no_error) << "the rest is not wanted";
    }
}

}  // namespace
}  // namespace switchyard::test
