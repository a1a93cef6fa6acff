// HTTP/2 to the targets, against origins that do what they should and what they should not
// (RFC 9113), seen by clients of HTTP/1.1 and HTTP/2.
#include "conformance/h2_origin.hpp"

#include <future>

#include <boost/json.hpp>
#include <gmock/gmock.h>

namespace switchyard::test {
namespace {

// -- Requests

TEST_F(H2Origin, GetsAHeadAsHttp2WantsIt) {
    std::promise<Fields> seen;
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        seen.set_value(request.fields);
        to.answer_with(request.stream, "hello");
        return true;
    });
    start_with(target);
    auto client = connect();
    client.send(request_text("GET", "/a?b=c",
                             {{"Connection", "keep-alive, X-Secret, TE"},
                              {"Keep-Alive", "timeout=5"},
                              {"X-Secret", "1"},
                              {"TE", "trailers, deflate"},
                              {"X-Mixed-Case", "Stays"}},
                             "shop.example:8080"));
    EXPECT_EQ(read_response(client).body, "hello");
    const Fields fields = seen.get_future().get();
    const auto values = [&](std::string_view name) {
        std::vector<std::string> found;
        for (const auto& [field, value] : fields) {
            if (field == name) found.push_back(value);
        }
        return found;
    };
    using testing::ElementsAre;
    EXPECT_THAT(values(":method"), ElementsAre("GET"));
    EXPECT_THAT(values(":scheme"), ElementsAre("http"));
    EXPECT_THAT(values(":path"), ElementsAre("/a?b=c"));
    EXPECT_THAT(values(":authority"), ElementsAre("shop.example:8080"));
    EXPECT_THAT(values("x-mixed-case"), ElementsAre("Stays"));
    EXPECT_THAT(values("te"), ElementsAre("trailers"));
    // RFC 9113 §8.2.2
    for (const char* gone : {"host", "connection", "keep-alive", "x-secret", "transfer-encoding"})
        EXPECT_THAT(values(gone), ElementsAre()) << gone;
}

TEST_F(H2Origin, GetsBodiesOfAnyLengthWithTheirTrailers) {
    struct Upload {
        std::string body;
        std::string length;
        Fields trailers;
    };
    std::promise<Upload> seen;
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        Upload upload{to.rest_of(request), request.value("content-length"), {}};
        for (const auto& got : to.frames) {
            if (got.type == FrameType::headers) upload.trailers = to.decode(got.payload);
        }
        to.answer_with(request.stream, std::to_string(upload.body.size()));
        seen.set_value(std::move(upload));
        return true;
    });
    start_with(target);
    auto client = connect();
    client.send(request_text("POST", "/", {{"Transfer-Encoding", "chunked"}}));
    const std::string piece(100'000, 'u');
    for (int i = 0; i < 20; ++i)
        client.send(chunk(piece));
    client.send("0\r\nX-Sum: 42\r\n\r\n");
    EXPECT_EQ(read_response(client).body, "2000000");
    const Upload upload = seen.get_future().get();
    EXPECT_EQ(upload.length, "");
    EXPECT_EQ(upload.trailers, (Fields{{"x-sum", "42"}}));
}

TEST_F(H2Origin, IsSentNoMoreOfABodyThanItsWindowLets) {
    std::promise<std::size_t> stalled;
    std::promise<std::size_t> whole;
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        std::size_t size = 0;
        // RFC 9113 §6.9.2: 65,535 octets at first.
        while (size < 65'535) {
            const auto got = to.next_frame();
            if (!got) return false;
            if (got->type == FrameType::data) size += got->payload.size();
        }
        // What is asked now is answered behind all that was sent.
        to.send(frame(FrameType::ping, 0, 0, "12345678"));
        for (;;) {
            const auto got = to.next_frame();
            if (!got) return false;
            if (got->type == FrameType::data) size += got->payload.size();
            if (got->type == FrameType::ping) break;
        }
        stalled.set_value(size);
        to.send(window_update(0, 10'000'000) + window_update(request.stream, 10'000'000));
        whole.set_value(size + to.rest_of(request).size());
        to.answer(request.stream, {{":status", "204"}});
        return true;
    });
    start_with(target);
    auto client = connect();
    EXPECT_EQ(exchange(client, "POST", "/", {}, std::string(3'000'000, 'u')).status, 204);
    EXPECT_EQ(stalled.get_future().get(), 65'535U);
    EXPECT_EQ(whole.get_future().get(), 3'000'000U);
}

TEST_F(H2Origin, MayAnswerBeforeTheRequestIsComplete) {
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        to.answer_with(request.stream, "no", {{"x-early", "yes"}});
        to.send(rst_stream(request.stream, H2Code::no_error));  // RFC 9113 §8.1
        return true;
    });
    start_with(target);
    auto client = come_in();
    const auto id = client.open(h2_request("POST", "/"), false);
    const auto& answer = client.wait(id);
    EXPECT_EQ(answer.response.status, 200);
    EXPECT_EQ(answer.response.body, "no");
}

TEST_F(H2Origin, IsAskedForNoWebSocket) {
    const RawH2Origin target([](H2OriginConnection&, const Request&) { return true; });
    start_with(target);
    auto client = connect();
    client.send(request_text("GET", "/", {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}));
    const auto response = read_response(client);
    EXPECT_EQ(response.status, 501);
    EXPECT_EQ(response.field("X-Switchyard-Error"), "websocket_over_http2");
    EXPECT_EQ(target.requests(), 0);
}

// -- Responses

TEST_F(H2Origin, InterimResponsesAndTrailersPass) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        to.answer(request.stream, {{":status", "103"}, {"link", "</a.css>"}}, false);
        to.answer(request.stream, {{":status", "200"}, {"x-a", "b"}}, false);
        to.data(request.stream, "body");
        to.answer(request.stream, {{"x-sum", "42"}});
        return true;
    });
    start_with(target);
    auto client = connect();
    auto response = exchange(client, "GET", "/");
    ASSERT_EQ(response.interim.size(), 1U);
    EXPECT_EQ(response.interim[0].status, 103);
    EXPECT_EQ(response.interim[0].field("link"), "</a.css>");
    EXPECT_EQ(response.body, "body");
    EXPECT_TRUE(response.chunked);
    EXPECT_EQ(response.trailers, (Fields{{"x-sum", "42"}}));
    auto second = come_in();
    response = second.exchange("GET", "/");
    EXPECT_EQ(response.interim.size(), 1U);
    EXPECT_EQ(response.trailers, (Fields{{"x-sum", "42"}}));
}

TEST_F(H2Origin, ViaNamesTheVersionThatAResponseCameIn) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        to.answer_with(request.stream, "ok", {{"via", "1.0 fred"}});
        return true;
    });
    start_with(target);
    const auto values = [](const Response& response) {
        std::vector<std::string> found;
        for (const auto& [name, value] : response.fields) {
            if (name == "Via" || name == "via") found.push_back(value);
        }
        return found;
    };
    using testing::ElementsAre;
    // RFC 9110 §7.6.3: it is the one that we have received, whatever the client speaks.
    auto client = connect();
    EXPECT_THAT(values(exchange(client, "GET", "/")), ElementsAre("1.0 fred", "2 switchyard"));
    auto second = come_in();
    EXPECT_THAT(values(second.exchange("GET", "/")), ElementsAre("1.0 fred", "2 switchyard"));
}

TEST_F(H2Origin, ResponsesWithoutABodyKeepTheClientsConnection) {
    const RawH2Origin target([](H2OriginConnection& to, const Request& request) {
        const auto status = request.path().substr(1);
        if (request.value(":method") == "HEAD") {
            to.answer(request.stream, {{":status", "200"}, {"content-length", "1234"}});
        } else {
            to.answer(request.stream, {{":status", status}});
        }
        return true;
    });
    start_with(target);
    auto client = connect();
    for (const char* path : {"/204", "/304", "/200", "/404"}) {
        const auto response = exchange(client, "GET", path);
        EXPECT_EQ(std::to_string(response.status), path + 1);
        EXPECT_FALSE(response.reason.empty());
        EXPECT_TRUE(response.keep_alive());
        EXPECT_FALSE(response.chunked);
    }
    EXPECT_EQ(exchange(client, "HEAD", "/200").field("Content-Length"), "1234");
    EXPECT_EQ(exchange(client, "GET", "/200").status, 200);
    EXPECT_EQ(target.connections(), 1);
}

TEST_F(H2Origin, MalformedResponsesAreABadGateway) {
    // RFC 9113 §8.2, §8.3.2, §8.6; and what HTTP/1.1's policy refuses.
    const std::vector<Fields> heads = {
        {{"x-a", "b"}},
        {{":status", "20"}},
        {{":status", "099"}},
        {{":status", "2000"}},
        {{":status", "101"}},
        {{":status", "200"}, {":status", "200"}},
        {{"x-a", "b"}, {":status", "200"}},
        {{":status", "200"}, {":path", "/"}},
        {{":status", "200"}, {":strange", "1"}},
        {{":status", "200"}, {"X-Upper", "1"}},
        {{":status", "200"}, {"x y", "1"}},
        {{":status", "200"}, {"x-a", "a\r\nb: c"}},
        {{":status", "200"}, {"x-a", std::string("a\0b", 3)}},
        {{":status", "200"}, {"connection", "close"}},
        {{":status", "200"}, {"keep-alive", "timeout=5"}},
        {{":status", "200"}, {"upgrade", "foo"}},
        {{":status", "200"}, {"transfer-encoding", "chunked"}},
        {{":status", "200"}, {"te", "trailers"}},
        {{":status", "200"}, {"content-length", "x"}},
        {{":status", "200"}, {"content-length", "-1"}},
        {{":status", "200"}, {"content-length", "1"}, {"content-length", "2"}},
        {{":status", "200"}, {"content-length", "5"}},  // And the stream ends with it.
        {{":status", "103"}},                           // The same: interim, and the end.
    };
    std::atomic<std::size_t> which{0};
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        to.answer(request.stream, heads.at(which));
        return true;
    });
    start_with(target, "    retries: 0\n");
    auto client = connect();
    for (; which < heads.size(); ++which) {
        const auto response = exchange(client, "GET", "/");
        EXPECT_EQ(response.status, 502) << which;
        EXPECT_EQ(response.field("X-Switchyard-Error"), "bad_response") << which;
    }
}

TEST_F(H2Origin, C09_ALengthThatTheBodyContradictsBreaksTheResponseOff) {
    std::atomic<int> which{0};
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        to.answer(request.stream, {{":status", "200"}, {"content-length", "5"}}, false);
        to.data(request.stream, which == 0 ? "four" : "sixsix", true);
        return true;
    });
    start_with(target, "    retries: 0\n");
    for (; which < 2; ++which) {
        auto client = come_in();
        const auto id = client.open(h2_request("GET", "/"));
        const auto& answer = client.wait(id);
        // The head may not have gone out yet: then it is an error page.
        if (answer.reset) {
            EXPECT_EQ(*answer.reset, H2Code::internal_error);
        } else {
            EXPECT_EQ(answer.response.status, 502);
        }
        auto old = connect();
        try {
            EXPECT_EQ(exchange(old, "GET", "/").status, 502);
        } catch (const ClientError&) {
        }
    }
}

TEST_F(H2Origin, C09_AResetAfterTheHeadIsAVisibleAbort) {
    std::atomic<bool> go{false};
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        to.answer(request.stream, {{":status", "200"}}, false);
        to.data(request.stream, "some");
        while (!go)
            std::this_thread::yield();
        to.send(rst_stream(request.stream, H2Code::internal_error));
        return true;
    });
    start_with(target);
    auto client = come_in();
    const auto id = client.open(h2_request("GET", "/"));
    auto* answer = &client.wait_head(id);
    while (answer->response.body.empty())
        ASSERT_TRUE(client.read_frame());
    go = true;
    answer = &client.wait(id);
    ASSERT_TRUE(answer->reset);
    EXPECT_EQ(*answer->reset, H2Code::internal_error);
    // One stream's failure is not the connection's. (The same client is on the same worker.)
    client.wait(client.open(h2_request("GET", "/")));
    EXPECT_EQ(target.connections(), 1);
    // Of HTTP/1.1 the connection ends. What was reset before its head went on is a 502.
    go = false;
    auto old = connect();
    old.send(request_text("GET", "/"));
    Response response = read_head(old);
    EXPECT_EQ(response.status, 200);
    go = true;
    EXPECT_THROW(read_body(old, response, "GET", [](std::string_view) {}), ClientError);
}

TEST_F(H2Origin, AResetInOneReadWithTheHeadIsAFailureOfItsTarget) {
    const RawH2Origin sick([](H2OriginConnection& to, const Request& request) {
        to.send(frame(FrameType::headers, kEndHeaders, request.stream,
                      header_block({{":status", "200"}})) +
                rst_stream(request.stream, H2Code::internal_error));
        return true;
    });
    const RawH2Origin good([](H2OriginConnection& to, const Request& request) {
        to.answer_with(request.stream, "good");
        return true;
    });
    start(config_for(sick.address() + "\", \"" + good.address(),
                     "    retries: 0\n    ejection: {errors: 6}\n"));
    auto client = connect();
    int failed = 0;
    for (int i = 0; i < 50; ++i) {
        const auto response = exchange(client, "GET", "/");
        if (response.status == 502) ++failed;
    }
    EXPECT_EQ(failed, 6);
    const auto targets = admin().service("app").at("slots").at("blue").at("targets");
    EXPECT_EQ(targets.at(0).at("state").as_string(), "ejected");
    EXPECT_EQ(targets.at(1).at("state").as_string(), "healthy");
}

TEST_F(H2Origin, ASlowClientMakesTheOriginWaitAndNoMemoryGrow) {
    constexpr std::uint32_t kWindow = 256 * 1024;
    std::atomic<std::size_t> allowed{0};
    std::atomic<bool> asked{false};
    const RawH2Origin target([&](H2OriginConnection& to, const Request& request) {
        // Everything that the windows let through; nothing is given back to a client that reads
        // nothing, but by sockets and by what the daemon holds.
        std::int64_t stream = kWindow;
        to.answer(request.stream, {{":status", "200"}}, false);
        asked = true;
        for (;;) {
            while (stream > 0) {
                const auto size = static_cast<std::size_t>(std::min<std::int64_t>(stream, 16'384));
                if (!to.send(frame(FrameType::data, 0, request.stream, std::string(size, 'x')))) {
                    return false;
                }
                stream -= static_cast<std::int64_t>(size);
                allowed += size;
            }
            const auto got = to.next_frame();
            if (!got) return false;
            if (got->type == FrameType::window_update && got->stream == request.stream) {
                std::uint32_t more = 0;
                for (const char c : got->payload)
                    more = more << 8U | static_cast<unsigned char>(c);
                stream += more;
            }
        }
    });
    start_with(target);
    auto slow = connect();
    slow.shrink_receive_buffer();
    slow.send(request_text("GET", "/"));
    ASSERT_TRUE(eventually([&] { return asked.load(); }));
    // It stands still; whatever sockets hold is bounded, too.
    std::size_t before = 1;
    ASSERT_TRUE(eventually([&] {
        const std::size_t now = allowed;
        const bool still = now == before;
        before = now;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return still;
    }));
    EXPECT_LT(allowed, 16U * 1024 * 1024);
    // Its neighbours on the same connection are served meanwhile.
    EXPECT_EQ(target.connections(), 1);
}

}  // namespace
}  // namespace switchyard::test
