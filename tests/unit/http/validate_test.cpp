#include "http/validate.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::http {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Fields are views: what they point to is kept to the end of the program.
Fields fields_of(Pairs pairs) {
    static std::deque<Pairs> kept;
    kept.push_back(std::move(pairs));
    Fields fields;
    for (const auto& [name, value] : kept.back()) {
        fields.push_back(
            {boost::beast::http::string_to_field({name.data(), name.size()}), name, value});
    }
    return fields;
}

struct RequestCase {
    const char* name;
    const char* method;
    const char* target;
    unsigned version;
    Pairs fields;
    unsigned status;  ///< 0: accepted.
    const char* code;
};

std::ostream& operator<<(std::ostream& out, const RequestCase& c) {
    return out << c.name;
}

class ValidateRequest : public testing::TestWithParam<RequestCase> {};

RequestHead head_of(const RequestCase& c) {
    RequestHead head;
    head.method = c.method;
    head.verb = boost::beast::http::string_to_verb(c.method);
    head.target = c.target;
    head.version = c.version;
    head.fields = fields_of(c.fields);
    return head;
}

TEST_P(ValidateRequest, GivesTheVerdict) {
    RequestHead head = head_of(GetParam());
    const Verdict verdict = validate_request(head);
    EXPECT_EQ(verdict.status, GetParam().status);
    EXPECT_EQ(verdict.code, GetParam().code);
}

const Pairs kHost = {{"Host", "a.example"}};

Pairs with(std::string name, std::string value) {
    Pairs pairs = kHost;
    pairs.emplace_back(std::move(name), std::move(value));
    return pairs;
}
Pairs with(std::string name, std::string value, std::string name2, std::string value2) {
    Pairs pairs = with(std::move(name), std::move(value));
    pairs.emplace_back(std::move(name2), std::move(value2));
    return pairs;
}

const std::string kNul("a\0b", 3);

INSTANTIATE_TEST_SUITE_P(
    Host, ValidateRequest,
    testing::Values(
        RequestCase{"one", "GET", "/", 11, kHost, 0, ""},
        RequestCase{"port", "GET", "/", 11, {{"Host", "a.example:8080"}}, 0, ""},
        RequestCase{"ipv6", "GET", "/", 11, {{"Host", "[::1]:8080"}}, 0, ""},
        RequestCase{"missing", "GET", "/", 11, {}, 400, "bad_host"},
        RequestCase{"missing_in_1_0", "GET", "/", 10, {}, 0, ""},
        RequestCase{"two", "GET", "/", 11, {{"Host", "a"}, {"Host", "b"}}, 400, "bad_host"},
        RequestCase{"two_equal", "GET", "/", 11, {{"Host", "a"}, {"host", "a"}}, 400, "bad_host"},
        RequestCase{"two_in_1_0", "GET", "/", 10, {{"Host", "a"}, {"Host", "a"}}, 400, "bad_host"},
        RequestCase{"empty", "GET", "/", 11, {{"Host", ""}}, 400, "bad_host"},
        RequestCase{"list", "GET", "/", 11, {{"Host", "a, b"}}, 400, "bad_host"},
        RequestCase{"path", "GET", "/", 11, {{"Host", "a/b"}}, 400, "bad_host"},
        RequestCase{"userinfo", "GET", "/", 11, {{"Host", "u@a"}}, 400, "bad_host"},
        RequestCase{"space", "GET", "/", 11, {{"Host", "a b"}}, 400, "bad_host"},
        RequestCase{"bad_in_1_0", "GET", "/", 10, {{"Host", "a/b"}}, 400, "bad_host"}));

INSTANTIATE_TEST_SUITE_P(
    Framing, ValidateRequest,
    testing::Values(
        RequestCase{"length", "POST", "/", 11, with("Content-Length", "5"), 0, ""},
        RequestCase{"zero", "POST", "/", 11, with("Content-Length", "0"), 0, ""},
        RequestCase{"chunked", "POST", "/", 11, with("Transfer-Encoding", "chunked"), 0, ""},
        RequestCase{"chunked_caps", "POST", "/", 11, with("Transfer-Encoding", "CHUNKED"), 0, ""},
        RequestCase{"both", "POST", "/", 11,
                    with("Content-Length", "5", "Transfer-Encoding", "chunked"), 400,
                    "bad_framing"},
        RequestCase{"both_other_order", "POST", "/", 11,
                    with("Transfer-Encoding", "chunked", "Content-Length", "5"), 400,
                    "bad_framing"},
        RequestCase{"length_with_unknown_coding", "POST", "/", 11,
                    with("Transfer-Encoding", "gzip", "Content-Length", "5"), 400, "bad_framing"},
        RequestCase{"chunked_in_1_0", "POST", "/", 10, with("Transfer-Encoding", "chunked"), 400,
                    "bad_framing"},
        RequestCase{"two_lengths", "POST", "/", 11,
                    with("Content-Length", "5", "Content-Length", "6"), 400, "bad_header"},
        RequestCase{"two_equal_lengths", "POST", "/", 11,
                    with("Content-Length", "5", "Content-Length", "5"), 400, "bad_header"},
        RequestCase{"list_of_lengths", "POST", "/", 11, with("Content-Length", "5, 5"), 400,
                    "bad_header"},
        RequestCase{"plus", "POST", "/", 11, with("Content-Length", "+5"), 400, "bad_header"},
        RequestCase{"minus", "POST", "/", 11, with("Content-Length", "-5"), 400, "bad_header"},
        RequestCase{"hex", "POST", "/", 11, with("Content-Length", "0x5"), 400, "bad_header"},
        RequestCase{"space_inside", "POST", "/", 11, with("Content-Length", "5 5"), 400,
                    "bad_header"},
        RequestCase{"empty", "POST", "/", 11, with("Content-Length", ""), 400, "bad_header"},
        RequestCase{"too_big", "POST", "/", 11, with("Content-Length", "99999999999999999999"), 400,
                    "bad_header"},
        RequestCase{"gzip", "POST", "/", 11, with("Transfer-Encoding", "gzip"), 501,
                    "transfer_coding_not_supported"},
        RequestCase{"gzip_chunked", "POST", "/", 11, with("Transfer-Encoding", "gzip, chunked"),
                    501, "transfer_coding_not_supported"},
        RequestCase{"chunked_twice", "POST", "/", 11, with("Transfer-Encoding", "chunked, chunked"),
                    501, "transfer_coding_not_supported"},
        RequestCase{"chunked_in_two_fields", "POST", "/", 11,
                    with("Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"), 501,
                    "transfer_coding_not_supported"},
        RequestCase{"identity", "POST", "/", 11, with("Transfer-Encoding", "identity"), 501,
                    "transfer_coding_not_supported"},
        RequestCase{"chunked_with_parameter", "POST", "/", 11,
                    with("Transfer-Encoding", "chunked;x=1"), 501, "transfer_coding_not_supported"},
        RequestCase{"xchunked", "POST", "/", 11, with("Transfer-Encoding", "xchunked"), 501,
                    "transfer_coding_not_supported"},
        RequestCase{"empty_coding", "POST", "/", 11, with("Transfer-Encoding", ""), 501,
                    "transfer_coding_not_supported"},
        RequestCase{"vertical_tab", "POST", "/", 11, with("Transfer-Encoding", "\vchunked"), 400,
                    "bad_header"}));

INSTANTIATE_TEST_SUITE_P(
    Values, ValidateRequest,
    testing::Values(RequestCase{"cr", "GET", "/", 11, with("X", "a\rb"), 400, "bad_header"},
                    RequestCase{"lf", "GET", "/", 11, with("X", "a\nb"), 400, "bad_header"},
                    RequestCase{"nul", "GET", "/", 11, with("X", kNul), 400, "bad_header"},
                    RequestCase{"del", "GET", "/", 11, with("X", "a\x7f"), 400, "bad_header"},
                    RequestCase{"tab", "GET", "/", 11, with("X", "a\tb"), 0, ""},
                    RequestCase{"latin1", "GET", "/", 11, with("X", "caf\xe9"), 0, ""},
                    RequestCase{"connection_names", "GET", "/", 11,
                                with("Connection", "close, te, " + std::string(900, 'x')), 0, ""},
                    RequestCase{"connection_flood", "GET", "/", 11,
                                with("Connection", "x" + std::string(1100, ',')), 400,
                                "bad_header"},
                    RequestCase{"expect", "POST", "/", 11, with("Expect", "100-Continue"), 0, ""},
                    RequestCase{"expect_other", "POST", "/", 11, with("Expect", "gold"), 417,
                                "expectation_failed"}));

INSTANTIATE_TEST_SUITE_P(
    Targets, ValidateRequest,
    testing::Values(
        RequestCase{"query", "GET", "/a?b=%20", 11, kHost, 0, ""},
        RequestCase{"empty", "GET", "", 11, kHost, 400, "bad_target"},
        RequestCase{"relative", "GET", "a", 11, kHost, 400, "bad_target"},
        RequestCase{"fragment", "GET", "/a#b", 11, kHost, 400, "bad_target"},
        RequestCase{"space", "GET", "/a b", 11, kHost, 400, "bad_target"},
        RequestCase{"tab", "GET", "/a\tb", 11, kHost, 400, "bad_target"},
        RequestCase{"nul", "GET", "/\x01", 11, kHost, 400, "bad_target"},
        RequestCase{"utf8", "GET", "/\xc3\xa9", 11, kHost, 400, "bad_target"},
        RequestCase{"absolute", "GET", "http://b.example/x", 11, kHost, 0, ""},
        RequestCase{"absolute_https", "GET", "HTTPS://b.example/x", 11, kHost, 0, ""},
        RequestCase{"absolute_ftp", "GET", "ftp://b.example/x", 11, kHost, 400, "bad_target"},
        RequestCase{"absolute_userinfo", "GET", "http://u@b.example/", 11, kHost, 400, "bad_host"},
        RequestCase{"absolute_no_host", "GET", "http:///x", 11, kHost, 400, "bad_host"},
        RequestCase{"absolute_query_only", "GET", "http://b.example?x", 11, kHost, 400,
                    "bad_target"},
        RequestCase{"asterisk", "OPTIONS", "*", 11, kHost, 0, ""},
        RequestCase{"asterisk_get", "GET", "*", 11, kHost, 400, "bad_target"},
        RequestCase{"connect", "CONNECT", "a.example:443", 11, kHost, 501, "connect_not_supported"},
        RequestCase{"trace", "TRACE", "/", 11, kHost, 405, "method_not_allowed"},
        RequestCase{"unknown_method", "BREW", "/", 11, kHost, 0, ""},
        RequestCase{"version_2", "GET", "/", 20, kHost, 0, ""},
        RequestCase{"version_3", "GET", "/", 30, kHost, 505, "version_not_supported"},
        RequestCase{"version_0_9", "GET", "/", 9, kHost, 505, "version_not_supported"}));

TEST(ValidateRequestDerives, TheHostOfTheTargetBeforeTheHostField) {
    RequestHead head = head_of({"", "GET", "http://b.example:81/x?y", 11, kHost, 0, ""});
    ASSERT_TRUE(validate_request(head).accepted());
    EXPECT_EQ(head.host, "b.example:81");
    EXPECT_EQ(head.origin_target, "/x?y");
    EXPECT_EQ(head.path, "/x");
}

TEST(ValidateRequestDerives, TheEmptyPathOfAnAbsoluteTarget) {
    RequestHead get = head_of({"", "GET", "http://b.example", 11, kHost, 0, ""});
    ASSERT_TRUE(validate_request(get).accepted());
    EXPECT_EQ(get.origin_target, "/");
    RequestHead options = head_of({"", "OPTIONS", "http://b.example", 11, kHost, 0, ""});
    ASSERT_TRUE(validate_request(options).accepted());
    EXPECT_EQ(options.origin_target, "*");
}

TEST(ValidateRequestDerives, WhetherTheConnectionGoesOn) {
    const auto keeps = [](unsigned version, const Pairs& fields) {
        RequestHead head = head_of({"", "GET", "/", version, fields, 0, ""});
        EXPECT_TRUE(validate_request(head).accepted());
        return head.keep_alive;
    };
    EXPECT_TRUE(keeps(11, kHost));
    EXPECT_FALSE(keeps(11, with("Connection", "close")));
    EXPECT_FALSE(keeps(11, with("Connection", "keep-alive, Close")));
    EXPECT_FALSE(keeps(10, kHost));
    EXPECT_TRUE(keeps(10, with("Connection", "Keep-Alive")));
    EXPECT_FALSE(keeps(10, with("Connection", "keep-alive", "Connection", "close")));
}

TEST(ValidateRequestDerives, TheFraming) {
    RequestHead none = head_of({"", "POST", "/", 11, with("Content-Length", "0"), 0, ""});
    ASSERT_TRUE(validate_request(none).accepted());
    EXPECT_EQ(none.framing, Framing::none);
    RequestHead length = head_of({"", "POST", "/", 11, with("Content-Length", "007"), 0, ""});
    ASSERT_TRUE(validate_request(length).accepted());
    EXPECT_EQ(length.framing, Framing::length);
    EXPECT_EQ(length.content_length, 7U);
    RequestHead chunked =
        head_of({"", "POST", "/", 11, with("Transfer-Encoding", "chunked"), 0, ""});
    ASSERT_TRUE(validate_request(chunked).accepted());
    EXPECT_EQ(chunked.framing, Framing::chunked);
}

TEST(ValidateRequestDerives, ExpectContinueOnlyWhereItMakesSense) {
    const auto expects = [](unsigned version, const Pairs& fields) {
        RequestHead head = head_of({"", "POST", "/", version, fields, 0, ""});
        EXPECT_TRUE(validate_request(head).accepted());
        return head.expect_continue;
    };
    EXPECT_TRUE(expects(11, with("Expect", "100-continue", "Content-Length", "5")));
    EXPECT_FALSE(expects(11, with("Expect", "100-continue")));
    EXPECT_FALSE(expects(10, with("Expect", "100-continue", "Content-Length", "5")));
}

TEST(ValidateRequestDerives, WhichMethodsMayBeSentTwice) {
    const std::pair<const char*, bool> methods[] = {
        {"GET", true},   {"HEAD", true},   {"OPTIONS", true}, {"PUT", true},  {"DELETE", true},
        {"POST", false}, {"PATCH", false}, {"BREW", false},   {"get", false},
    };
    for (const auto& [method, idempotent] : methods) {
        RequestHead head = head_of({"", method, "/", 11, kHost, 0, ""});
        ASSERT_TRUE(validate_request(head).accepted()) << method;
        EXPECT_EQ(head.idempotent, idempotent) << method;
    }
}

struct ResponseCase {
    const char* name;
    unsigned status;
    unsigned version;
    Pairs fields;
    bool accepted;
};
std::ostream& operator<<(std::ostream& out, const ResponseCase& c) {
    return out << c.name;
}

ResponseHead head_of(const ResponseCase& c) {
    ResponseHead head;
    head.status = c.status;
    head.version = c.version;
    head.reason = "OK";
    head.fields = fields_of(c.fields);
    return head;
}

class ValidateResponse : public testing::TestWithParam<ResponseCase> {};

TEST_P(ValidateResponse, GivesTheVerdict) {
    ResponseHead head = head_of(GetParam());
    const Verdict verdict = validate_response(head, Verb::get);
    EXPECT_EQ(verdict.accepted(), GetParam().accepted);
    if (!GetParam().accepted) {
        EXPECT_EQ(verdict.status, 502U);
        EXPECT_EQ(verdict.code, "bad_response");
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, ValidateResponse,
    testing::Values(
        ResponseCase{"plain", 200, 11, {}, true},
        ResponseCase{"length", 200, 11, {{"Content-Length", "3"}}, true},
        ResponseCase{"chunked", 200, 11, {{"Transfer-Encoding", "chunked"}}, true},
        ResponseCase{
            "both", 200, 11, {{"Transfer-Encoding", "chunked"}, {"Content-Length", "3"}}, false},
        ResponseCase{"chunked_in_1_0", 200, 10, {{"Transfer-Encoding", "chunked"}}, false},
        ResponseCase{"gzip", 200, 11, {{"Transfer-Encoding", "gzip"}}, false},
        ResponseCase{"gzip_chunked", 200, 11, {{"Transfer-Encoding", "gzip, chunked"}}, false},
        ResponseCase{
            "two_lengths", 200, 11, {{"Content-Length", "3"}, {"Content-Length", "4"}}, false},
        ResponseCase{"two_equal_lengths",
                     200,
                     11,
                     {{"Content-Length", "3"}, {"Content-Length", "3"}},
                     false},
        ResponseCase{"list_of_lengths", 200, 11, {{"Content-Length", "3,3"}}, false},
        ResponseCase{"sign", 200, 11, {{"Content-Length", "+3"}}, false},
        ResponseCase{"cr_in_value", 200, 11, {{"X", "a\rb"}}, false},
        ResponseCase{"nul_in_value", 200, 11, {{"X", kNul}}, false},
        ResponseCase{"status_099", 99, 11, {}, false},
        ResponseCase{"status_600", 600, 11, {}, false},
        ResponseCase{"switching_protocols", 101, 11, {{"Upgrade", "x"}}, false},
        ResponseCase{"continue_", 100, 11, {}, true}, ResponseCase{"version_2", 200, 20, {}, true},
        ResponseCase{"version_3", 200, 30, {}, false}));

TEST(ValidateResponseDerives, TheFraming) {
    const auto framing = [](unsigned status, Verb verb, const Pairs& fields,
                            unsigned version = 11) {
        ResponseHead head = head_of(ResponseCase{"", status, version, fields, true});
        EXPECT_TRUE(validate_response(head, verb).accepted());
        return head;
    };
    const Pairs length = {{"Content-Length", "3"}};
    const Pairs chunked = {{"Transfer-Encoding", "chunked"}};
    EXPECT_EQ(framing(200, Verb::get, length).framing, Framing::length);
    EXPECT_EQ(framing(200, Verb::get, {{"Content-Length", "0"}}).framing, Framing::none);
    EXPECT_EQ(framing(200, Verb::get, chunked).framing, Framing::chunked);
    // What never has a body has none, whatever the fields say (RFC 9112 §6.3).
    EXPECT_EQ(framing(200, Verb::head, length).framing, Framing::none);
    EXPECT_TRUE(framing(200, Verb::head, length).has_content_length);
    EXPECT_EQ(framing(200, Verb::head, chunked).framing, Framing::none);
    EXPECT_EQ(framing(304, Verb::get, length).framing, Framing::none);
    EXPECT_TRUE(framing(304, Verb::get, length).has_content_length);
    EXPECT_EQ(framing(204, Verb::get, length).framing, Framing::none);
    EXPECT_FALSE(framing(204, Verb::get, length).has_content_length);
    EXPECT_EQ(framing(103, Verb::get, length).framing, Framing::none);
    EXPECT_FALSE(framing(103, Verb::get, length).has_content_length);
    // Without any: to the end of the connection, which can't be used again.
    EXPECT_EQ(framing(200, Verb::get, {}).framing, Framing::close);
    EXPECT_FALSE(framing(200, Verb::get, {}).keep_alive);
    EXPECT_FALSE(framing(200, Verb::get, length, 10).keep_alive);
    EXPECT_FALSE(
        framing(200, Verb::get, {{"Content-Length", "3"}, {"Connection", "close"}}).keep_alive);
    EXPECT_TRUE(framing(200, Verb::get, {{"Content-Length", "3"}, {"Connection", "keep-alive"}}, 10)
                    .keep_alive);
}

TEST(ContentLength, TakesDigitsOnly) {
    std::uint64_t length = 0;
    EXPECT_TRUE(parse_content_length("0", length));
    EXPECT_TRUE(parse_content_length("9223372036854775807", length));
    EXPECT_EQ(length, 9223372036854775807U);
    for (const char* text : {"", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x1", "١",
                             "9223372036854775808", "00000000000000000001"}) {
        EXPECT_FALSE(parse_content_length(text, length)) << text;
    }
}

TEST(ValidHost, TellsHostsFromOtherText) {
    for (const char* text : {"a", "a.example", "A-B_c.example.", "127.0.0.1", "a:1", "a:65535",
                             "a:", "[::1]", "[2001:db8::1]:443", "[::ffff:1.2.3.4]"}) {
        EXPECT_TRUE(valid_host(text)) << text;
    }
    for (const char* text :
         {"",     ":80", "a:65536", "a:123456", "a:-1",  "a:1x",   "a b",     "a/b",        "a?b",
          "a#b",  "a@b", "a,b",     "[::1",     "[]",    "[::1]x", "[::1]:x", "[g::1]",     "::1",
          "a\\b", "%61", "a%00",    "<a>",      "\"a\"", "a;b",    "a=b",     "caf\xc3\xa9"}) {
        EXPECT_FALSE(valid_host(text)) << text;
    }
    EXPECT_FALSE(valid_host(std::string(300, 'a')));
}

TEST(Trailers, MayNotChangeFramingRoutingOrAuthority) {
    for (const char* name : {"Content-Length",
                             "Transfer-Encoding",
                             "Host",
                             "Connection",
                             "Keep-Alive",
                             "TE",
                             "Trailer",
                             "Upgrade",
                             "Authorization",
                             "Cookie",
                             "Set-Cookie",
                             "Content-Encoding",
                             "Content-Type",
                             "Content-Range",
                             "Cache-Control",
                             "Expect",
                             "Range",
                             "Forwarded",
                             "Via",
                             "Location",
                             "X-Forwarded-For",
                             "X-Forwarded-Proto",
                             "x-forwarded-host",
                             "X-Request-Id",
                             "X_Forwarded_For",
                             "X-Switchyard-Error"}) {
        const Fields fields = fields_of({{name, "x"}});
        EXPECT_FALSE(trailer_allowed(fields[0])) << name;
    }
    for (const char* name : {"X-Checksum", "Server-Timing", "ETag", "Digest"}) {
        const Fields fields = fields_of({{name, "x"}});
        EXPECT_TRUE(trailer_allowed(fields[0])) << name;
    }
    EXPECT_FALSE(trailer_allowed(fields_of({{"X-Checksum", kNul}})[0]));
}

TEST(Tokens, AreSplitAtCommasAndTrimmed) {
    std::vector<std::string> seen;
    for_each_token(" a, ,b\t,, c d ,", [&](std::string_view token) { seen.emplace_back(token); });
    EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c d"}));
}

TEST(Upgrade, IsWhatConnectionNamesInARequestWithoutABody) {
    const auto upgrade_of = [](Fields fields, unsigned version = 11) {
        RequestHead head;
        head.verb = Verb::get;
        head.method = "GET";
        head.target = "/";
        head.version = version;
        head.fields = std::move(fields);
        head.fields.push_back({FieldId::host, "Host", "a"});
        EXPECT_TRUE(validate_request(head).accepted());
        return std::string(head.upgrade);
    };
    const Field connection{FieldId::connection, "Connection", "x, Upgrade"};
    const Field upgrade{FieldId::upgrade, "Upgrade", "websocket"};
    EXPECT_EQ(upgrade_of({connection, upgrade}), "websocket");
    EXPECT_EQ(upgrade_of({upgrade}), "");
    EXPECT_EQ(upgrade_of({connection}), "");
    EXPECT_EQ(upgrade_of({connection, upgrade}, 10), "");
    EXPECT_EQ(upgrade_of({connection, upgrade, upgrade}), "");
    EXPECT_EQ(upgrade_of({connection, upgrade, {FieldId::content_length, "Content-Length", "1"}}),
              "");
    EXPECT_EQ(upgrade_of({connection, upgrade, {FieldId::content_length, "Content-Length", "0"}}),
              "websocket");
    EXPECT_EQ(
        upgrade_of(
            {connection, upgrade, {FieldId::transfer_encoding, "Transfer-Encoding", "chunked"}}),
        "");
}

TEST(Upgrade, A101SwitchesToWhatWasAskedForAndToNothingElse) {
    const auto accepted = [](Fields fields, std::string_view asked, unsigned version = 11) {
        ResponseHead head;
        head.status = 101;
        head.version = version;
        head.fields = std::move(fields);
        const bool good = validate_response(head, Verb::get, asked).accepted();
        if (good) {
            EXPECT_EQ(head.framing, Framing::tunnel);
            EXPECT_FALSE(head.keep_alive);
        }
        return good;
    };
    const Field connection{FieldId::connection, "Connection", "upgrade"};
    const Field upgrade{FieldId::upgrade, "Upgrade", "WebSocket"};
    EXPECT_TRUE(accepted({connection, upgrade}, "websocket"));
    EXPECT_FALSE(accepted({connection, upgrade}, ""));
    EXPECT_FALSE(accepted({connection, upgrade}, "foo"));
    EXPECT_FALSE(accepted({upgrade}, "websocket"));
    EXPECT_FALSE(accepted({connection}, "websocket"));
    EXPECT_FALSE(accepted({connection, upgrade, upgrade}, "websocket"));
    EXPECT_FALSE(accepted({connection, upgrade}, "websocket", 10));
    EXPECT_FALSE(accepted({connection, upgrade, {FieldId::content_length, "Content-Length", "0"}},
                          "websocket"));
}

}  // namespace
}  // namespace switchyard::http
