#include "http/forward.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Fields fields_of(const Pairs& pairs) {
    Fields fields;
    for (const auto& [name, value] : pairs) {
        fields.push_back(
            {boost::beast::http::string_to_field({name.data(), name.size()}), name, value});
    }
    return fields;
}

/// Values of all fields of this name, in order, joined by '|'; "-" when there is none.
std::string value_of(const Fields& fields, std::string_view name) {
    std::string out;
    bool found = false;
    for (const Field& field : fields) {
        if (field.name != name) continue;
        if (found) out += '|';
        out += field.value;
        found = true;
    }
    return found ? out : "-";
}

class ForwardRequestTest : public testing::Test {
  protected:
    const Fields& forward(const Pairs& pairs) {
        in_fields_ = pairs;
        head.fields = fields_of(in_fields_);
        const ForwardRequest context{&peer, "id-1", head.host, "1.1 switchyard"};
        forward_request(head, context, scratch_, out_);
        return out_;
    }

    RequestHead head = [] {
        RequestHead made;
        made.host = "a.example";
        return made;
    }();
    Peer peer{"203.0.113.9", {}, 0, false};

  private:
    Pairs in_fields_;
    ForwardScratch scratch_;
    Fields out_;
};

TEST_F(ForwardRequestTest, PassesWhatIsForTheApplication) {
    const Fields& out = forward({{"Host", "a.example"},
                                 {"Cookie", "a=1"},
                                 {"X-Custom", "yes"},
                                 {"Accept", "*/*"},
                                 {"X-Custom", "again"}});
    EXPECT_EQ(value_of(out, "Host"), "a.example");
    EXPECT_EQ(value_of(out, "Cookie"), "a=1");
    EXPECT_EQ(value_of(out, "X-Custom"), "yes|again");
    EXPECT_EQ(value_of(out, "Accept"), "*/*");
}

TEST_F(ForwardRequestTest, EndsHopByHopFields) {
    const Fields& out = forward({{"Connection", "keep-alive"},
                                 {"Keep-Alive", "timeout=5"},
                                 {"Proxy-Connection", "keep-alive"},
                                 {"TE", "trailers"},
                                 {"Transfer-Encoding", "chunked"},
                                 {"Content-Length", "5"},
                                 {"Upgrade", "h2c"},
                                 {"Proxy-Authorization", "Basic x"}});
    for (const char* name :
         {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding",
          "Content-Length", "Upgrade", "Proxy-Authorization"}) {
        EXPECT_EQ(value_of(out, name), "-") << name;
    }
}

TEST_F(ForwardRequestTest, EndsWhatConnectionNames) {
    const Fields& out = forward({{"Connection", "close, X-Secret"},
                                 {"X-Secret", "1"},
                                 {"x-secret", "2"},
                                 {"Connection", "X-Other"},
                                 {"X-Other", "3"},
                                 {"X-Third", "4"}});
    EXPECT_EQ(value_of(out, "X-Secret"), "-");
    EXPECT_EQ(value_of(out, "x-secret"), "-");
    EXPECT_EQ(value_of(out, "X-Other"), "-");
    EXPECT_EQ(value_of(out, "X-Third"), "4");
}

TEST_F(ForwardRequestTest, ConnectionCantTakeAwayWhatWeAdd) {
    const Fields& out =
        forward({{"Host", "a.example"},
                 {"Connection", "Host, X-Forwarded-For, X-Request-Id, Forwarded, Via"}});
    EXPECT_EQ(value_of(out, "Host"), "a.example");
    EXPECT_EQ(value_of(out, "X-Forwarded-For"), "203.0.113.9");
    EXPECT_EQ(value_of(out, "X-Request-Id"), "id-1");
    EXPECT_EQ(value_of(out, "Via"), "1.1 switchyard");
    EXPECT_NE(value_of(out, "Forwarded"), "-");
}

TEST_F(ForwardRequestTest, SaysWhoAsked) {
    const Fields& out = forward({{"Host", "a.example"}});
    EXPECT_EQ(value_of(out, "X-Forwarded-For"), "203.0.113.9");
    EXPECT_EQ(value_of(out, "X-Forwarded-Proto"), "http");
    EXPECT_EQ(value_of(out, "X-Forwarded-Host"), "a.example");
    EXPECT_EQ(value_of(out, "Forwarded"), "for=203.0.113.9;host=a.example;proto=http");
    EXPECT_EQ(value_of(out, "X-Request-Id"), "id-1");
    EXPECT_EQ(value_of(out, "Via"), "1.1 switchyard");
}

TEST_F(ForwardRequestTest, SaysThatItWasEncrypted) {
    peer.tls_version = "TLSv1.3";
    const Fields& out = forward({{"Host", "a.example"}});
    EXPECT_EQ(value_of(out, "X-Forwarded-Proto"), "https");
    EXPECT_EQ(value_of(out, "Forwarded"), "for=203.0.113.9;host=a.example;proto=https");
}

TEST_F(ForwardRequestTest, QuotesWhatForwardedCantHaveBare) {
    peer.address = "2001:db8::7";
    head.host = "a.example:8080";
    const Fields& out = forward({});
    EXPECT_EQ(value_of(out, "X-Forwarded-For"), "2001:db8::7");
    EXPECT_EQ(value_of(out, "Forwarded"),
              "for=\"[2001:db8::7]\";host=\"a.example:8080\";proto=http");
}

const Pairs kClaims = {{"X-Forwarded-For", "198.51.100.1"}, {"X-Forwarded-Proto", "https"},
                       {"X-Forwarded-Host", "b.example"},   {"Forwarded", "for=198.51.100.1"},
                       {"X-Request-Id", "theirs"},          {"Via", "1.0 fred"}};

TEST_F(ForwardRequestTest, BelievesNobodyByDefault) {
    const Fields& out = forward(kClaims);
    EXPECT_EQ(value_of(out, "X-Forwarded-For"), "203.0.113.9");
    EXPECT_EQ(value_of(out, "X-Forwarded-Proto"), "http");
    EXPECT_EQ(value_of(out, "X-Forwarded-Host"), "a.example");
    EXPECT_EQ(value_of(out, "Forwarded"), "for=203.0.113.9;host=a.example;proto=http");
    EXPECT_EQ(value_of(out, "X-Request-Id"), "id-1");
    EXPECT_EQ(value_of(out, "Via"), "1.0 fred|1.1 switchyard");
}

TEST_F(ForwardRequestTest, BelievesTrustedPeersAndAddsThem) {
    peer.trusted = true;
    const Fields& out = forward(kClaims);
    EXPECT_EQ(value_of(out, "X-Forwarded-For"), "198.51.100.1, 203.0.113.9");
    EXPECT_EQ(value_of(out, "X-Forwarded-Proto"), "https");
    EXPECT_EQ(value_of(out, "X-Forwarded-Host"), "b.example");
    EXPECT_EQ(value_of(out, "Forwarded"),
              "for=198.51.100.1, for=203.0.113.9;host=a.example;proto=http");
    EXPECT_EQ(value_of(out, "X-Request-Id"), "id-1");  // Decided before (trusted_request_id).
}

TEST_F(ForwardRequestTest, JoinsSeveralFieldsOfATrustedPeer) {
    peer.trusted = true;
    const Fields& out = forward({{"X-Forwarded-For", "198.51.100.1"},
                                 {"X-Forwarded-For", "198.51.100.2, 198.51.100.3"},
                                 {"X-Forwarded-For", ""}});
    EXPECT_EQ(value_of(out, "X-Forwarded-For"),
              "198.51.100.1, 198.51.100.2, 198.51.100.3, 203.0.113.9");
}

TEST_F(ForwardRequestTest, SpellingsThatApplicationsMixUpDontPass) {
    // With CGI's names, '-' and '_' and the case are the same.
    const Fields& out = forward({{"X_Forwarded_For", "198.51.100.1"},
                                 {"x-forwarded_proto", "https"},
                                 {"X_REQUEST_ID", "theirs"},
                                 {"x_switchyard-error", "fake"}});
    for (const char* name :
         {"X_Forwarded_For", "x-forwarded_proto", "X_REQUEST_ID", "x_switchyard-error"}) {
        EXPECT_EQ(value_of(out, name), "-") << name;
    }
}

TEST_F(ForwardRequestTest, PassesExpectOnlyWhereAnAnswerIsWaitedFor) {
    EXPECT_EQ(value_of(forward({{"Expect", "100-continue"}}), "Expect"), "-");
    head.expect_continue = true;
    EXPECT_EQ(value_of(forward({{"Expect", "100-continue"}}), "Expect"), "100-continue");
}

TEST(ForwardResponse, EndsHopByHopFieldsAndOurOwnNames) {
    const Pairs pairs = {{"Connection", "close, X-Hop"}, {"X-Hop", "1"},
                         {"Keep-Alive", "timeout=5"},    {"Transfer-Encoding", "chunked"},
                         {"Content-Length", "3"},        {"Proxy-Authenticate", "Basic"},
                         {"X-Served-By", "an impostor"}, {"x-served-by", "another"},
                         {"X-Switchyard-Error", "fake"}, {"X-Request-Id", "theirs"},
                         {"Set-Cookie", "a=1"},          {"Set-Cookie", "b=2"},
                         {"Trailer", "X-Sum"},           {"Server", "app"}};
    ResponseHead head;
    head.fields = fields_of(pairs);
    Fields out;
    forward_response(head, "X-Served-By", out);
    std::string all;
    for (const Field& field : out) {
        all.append(field.name).append("=").append(field.value).append(";");
    }
    EXPECT_EQ(all, "Set-Cookie=a=1;Set-Cookie=b=2;Trailer=X-Sum;Server=app;");
}

TEST(ForwardResponse, KeepsTheOriginsServedByWhenWeSendNone) {
    const Pairs pairs = {{"X-Served-By", "app-7"}};
    ResponseHead head;
    head.fields = fields_of(pairs);
    Fields out;
    forward_response(head, "", out);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].value, "app-7");
}

TEST(TrustedRequestId, IsKeptOnlyFromTrustedPeersAndWhenHarmless) {
    const auto id = [](const Pairs& pairs, bool trusted) {
        RequestHead head;
        head.fields = fields_of(pairs);
        Peer peer;
        peer.trusted = trusted;
        return std::string(trusted_request_id(head, peer));
    };
    EXPECT_EQ(id({{"X-Request-Id", "abc-1"}}, true), "abc-1");
    EXPECT_EQ(id({{"x-request-id", "abc-1"}}, true), "abc-1");
    EXPECT_EQ(id({{"X-Request-Id", "abc-1"}}, false), "");
    EXPECT_EQ(id({}, true), "");
    EXPECT_EQ(id({{"X-Request-Id", ""}}, true), "");
    EXPECT_EQ(id({{"X-Request-Id", std::string(128, 'a')}}, true), std::string(128, 'a'));
    // It goes into logs (JSON) and pages (HTML) as it is.
    for (const char* bad : {"a b", "a\"b", "a\\b", "a\tb", "caf\xc3\xa9", "<b>", "a&b", "a'b"}) {
        EXPECT_EQ(id({{"X-Request-Id", bad}}, true), "") << bad;
    }
    EXPECT_EQ(id({{"X-Request-Id", std::string(129, 'a')}}, true), "");
}

TEST(NormalizeHost, TakesPortCaseAndFinalDotAway) {
    const auto normal = [](std::string_view host) {
        std::string out = "old";
        normalize_host(host, out);
        return out;
    };
    EXPECT_EQ(normal("A.Example"), "a.example");
    EXPECT_EQ(normal("a.example:8080"), "a.example");
    EXPECT_EQ(normal("a.example."), "a.example");
    EXPECT_EQ(normal("a.example.:80"), "a.example");
    EXPECT_EQ(normal("[2001:DB8::1]:80"), "[2001:db8::1]");
    EXPECT_EQ(normal("[::1]"), "[::1]");
    EXPECT_EQ(normal(""), "");
}

TEST(ChooseUpgrade, TakesTheFirstThatMayPass) {
    const std::vector<std::string> listed{"websocket", "foo", "bar/2"};
    const auto chosen = [&](std::string_view wanted) {
        return std::string(choose_upgrade(wanted, UpgradePolicy::listed, listed));
    };
    EXPECT_EQ(chosen("websocket"), "websocket");
    EXPECT_EQ(chosen("WebSocket"), "WebSocket");
    EXPECT_EQ(chosen("x, foo/1.1 , websocket"), "foo/1.1");
    EXPECT_EQ(chosen("bar/1, bar/2"), "bar/2");
    EXPECT_EQ(chosen("bar"), "");
    EXPECT_EQ(chosen("websockets, web socket, ,"), "");
    EXPECT_EQ(choose_upgrade("websocket", UpgradePolicy::off, listed), "");
    EXPECT_EQ(choose_upgrade("websocket", UpgradePolicy::listed, {}), "");
    EXPECT_EQ(choose_upgrade("a/1, websocket", UpgradePolicy::any, {}), "a/1");
    EXPECT_EQ(choose_upgrade("a b, /1, a/, a/b/c, ok", UpgradePolicy::any, {}), "ok");
}

TEST(ChooseUpgrade, NeverAnotherHttp) {
    const std::vector<std::string> listed{"h2c", "http/2.0", "tls/1.2", "h2"};
    for (const char* name : {"h2c", "H2C", "h2", "HTTP/2.0", "http/3", "TLS/1.2", "tls"}) {
        EXPECT_EQ(choose_upgrade(name, UpgradePolicy::any, {}), "") << name;
        EXPECT_EQ(choose_upgrade(name, UpgradePolicy::listed, listed), "") << name;
    }
}

}  // namespace
}  // namespace switchyard::http
