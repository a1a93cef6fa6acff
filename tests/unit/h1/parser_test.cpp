#include "h1/parser.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::h1 {
namespace {

using namespace std::string_literals;

/// What a head comes to: the verdict of the parser, or else that of the validation.
struct Outcome {
    ParseStatus status = ParseStatus::need_more;
    unsigned code = 0;
    std::string reason;
    std::size_t consumed = 0;
    std::string summary;  ///< Start line and fields as they were understood.
    bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
    return out << "status " << static_cast<int>(o.status) << ", " << o.code << ' ' << o.reason
               << ", consumed " << o.consumed << "\n"
               << o.summary;
}

std::string summary(const http::RequestHead& head) {
    std::string text;
    text.append(head.method).append(" ").append(head.target).append(" ");
    text += std::to_string(head.version) + "\n";
    for (const http::Field& field : head.fields) {
        text.append(field.name).append("=").append(field.value).append("\n");
    }
    return text;
}

/// Feeds the octets as they would arrive: all of what came so far, each time in new memory.
Outcome feed(std::string_view octets, const std::vector<std::size_t>& ends,
             const HeadLimits& limits = {}) {
    RequestParser parser;
    http::RequestHead head;
    parser.start(head, limits);
    Outcome outcome;
    for (const std::size_t end : ends) {
        // Memory of exactly this size, so that AddressSanitizer sees a read past its end, and the
        // old memory is gone.
        const std::vector<char> memory(octets.begin(),
                                       octets.begin() + static_cast<std::ptrdiff_t>(end));
        const ParseResult result = parser.parse(memory.data(), memory.size());
        outcome.status = result.status;
        if (result.status == ParseStatus::need_more) continue;
        http::Verdict verdict = result.verdict;
        if (result.status == ParseStatus::done) {
            outcome.consumed = result.consumed;
            verdict = http::validate_request(head);
            outcome.summary = summary(head);
        }
        outcome.code = verdict.status;
        outcome.reason = verdict.code;
        return outcome;
    }
    return outcome;
}

Outcome feed_at_once(std::string_view octets, const HeadLimits& limits = {}) {
    return feed(octets, {octets.size()}, limits);
}

struct Case {
    const char* name;
    std::string octets;
    unsigned status;  ///< 0: accepted.
    const char* code;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.name;
}

const std::string kHost = "Host: a\r\n";

std::string get(const std::string& fields) {
    return "GET / HTTP/1.1\r\n" + kHost + fields + "\r\n";
}

std::vector<Case> cases() {
    return {
        {"plain", get(""), 0, ""},
        {"http10_without_fields", "GET / HTTP/1.0\r\n\r\n", 0, ""},
        {"empty_value", get("X:\r\n"), 0, ""},
        {"blanks_around_value", get("X: \t a b \t \r\n"), 0, ""},
        {"empty_line_first", "\r\n" + get(""), 0, ""},
        {"two_empty_lines_first", "\r\n\r\n" + get(""), 400, "bad_request"},
        {"bare_lf_first", "\n" + get(""), 400, "bad_request"},
        {"space_first", " " + get(""), 400, "bad_request"},
        {"bare_lf_after_request_line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "bad_request"},
        {"bare_lf_after_field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, "bad_request"},
        {"bare_lf_everywhere", "GET / HTTP/1.1\nHost: a\n\n", 400, "bad_request"},
        {"bare_cr_in_value", get("X: a\rb\r\n"), 400, "bad_request"},
        {"bare_cr_in_name", get("X\rY: b\r\n"), 400, "bad_request"},
        {"cr_before_crlf", get("X: a\r\r\n"), 400, "bad_request"},
        {"nul_in_value", get("X: a\0b\r\n"s), 400, "bad_request"},
        {"nul_in_name", get("X\0: b\r\n"s), 400, "bad_request"},
        {"nul_in_target", "GET /\0 HTTP/1.1\r\n"s + kHost + "\r\n", 400, "bad_request"},
        {"control_in_value", get("X: a\x01\r\n"), 400, "bad_request"},
        {"del_in_value", get("X: a\x7f\r\n"), 400, "bad_request"},
        {"space_before_colon", get("X : b\r\n"), 400, "bad_request"},
        {"tab_before_colon", get("X\t: b\r\n"), 400, "bad_request"},
        {"space_before_name", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "bad_request"},
        {"no_colon", get("Nothing\r\n"), 400, "bad_request"},
        {"empty_name", get(": b\r\n"), 400, "bad_request"},
        {"space_in_name", get("A B: c\r\n"), 400, "bad_request"},
        {"latin1_in_name", get("caf\xe9: c\r\n"), 400, "bad_request"},
        {"fold", get("X: a\r\n b\r\n"), 400, "bad_header"},
        {"fold_with_tab", get("X: a\r\n\tb\r\n"), 400, "bad_header"},
        {"fold_at_once", get("X:\r\n b\r\n"), 400, "bad_header"},
        {"fold_of_nothing", get("X: a\r\n \r\n"), 400, "bad_header"},
        {"fold_of_nothing_at_all", get("X:\r\n \r\n"), 400, "bad_header"},
        {"folded_coding", "POST / HTTP/1.1\r\n" + kHost + "Transfer-Encoding:\r\n chunked\r\n\r\n",
         400, "bad_header"},
        {"two_spaces_after_method", "GET  / HTTP/1.1\r\n" + kHost + "\r\n", 400, "bad_request"},
        {"two_spaces_before_version", "GET /  HTTP/1.1\r\n" + kHost + "\r\n", 400, "bad_request"},
        {"tab_instead_of_space", "GET\t/ HTTP/1.1\r\n" + kHost + "\r\n", 400, "bad_request"},
        {"space_after_version", "GET / HTTP/1.1 \r\n" + kHost + "\r\n", 400, "bad_request"},
        {"no_version", "GET /\r\n" + kHost + "\r\n", 400, "bad_request"},
        {"no_target", "GET HTTP/1.1\r\n" + kHost + "\r\n", 400, "bad_request"},
        {"lower_case_version", "GET / http/1.1\r\n" + kHost + "\r\n", 400, "bad_request"},
        {"long_version", "GET / HTTP/1.10\r\n" + kHost + "\r\n", 400, "bad_request"},
        {"version_1_2", "GET / HTTP/1.2\r\n" + kHost + "\r\n", 505, "version_not_supported"},
        {"version_2_0", "GET / HTTP/2.0\r\n" + kHost + "\r\n", 505, "version_not_supported"},
        {"version_0_9", "GET / HTTP/0.9\r\n" + kHost + "\r\n", 505, "version_not_supported"},
        {"h2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version_not_supported"},
        {"method_with_colon", "GE:T / HTTP/1.1\r\n" + kHost + "\r\n", 400, "bad_request"},
        {"unknown_method", "BREW / HTTP/1.1\r\n" + kHost + "\r\n", 0, ""},
        {"long_method", std::string(41, 'M') + " / HTTP/1.1\r\n" + kHost + "\r\n", 501,
         "method_too_long"},
        {"empty_method", " / HTTP/1.1\r\n" + kHost + "\r\n", 400, "bad_request"},
        {"tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 400, "tls_on_plain_port"},
        {"no_host", "GET / HTTP/1.1\r\n\r\n", 400, "bad_host"},
        {"two_hosts", get("Host: b\r\n"), 400, "bad_host"},
        {"two_lengths", get("Content-Length: 5\r\nContent-Length: 6\r\n"), 400, "bad_request"},
        {"length_and_coding", get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400,
         "bad_request"},
        {"coding_and_length", get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400,
         "bad_request"},
        {"equal_lengths", get("Content-Length: 5\r\nContent-Length: 5\r\n"), 400, "bad_header"},
        {"list_of_equal_lengths", get("Content-Length: 5, 5\r\n"), 400, "bad_header"},
        {"coding_with_vertical_tab", get("Transfer-Encoding: \vchunked\r\n"), 400, "bad_request"},
    };
}

class RequestHeads : public testing::TestWithParam<Case> {};

TEST_P(RequestHeads, GetTheirVerdict) {
    const Outcome outcome = feed_at_once(GetParam().octets);
    EXPECT_EQ(outcome.code, GetParam().status) << outcome;
    EXPECT_EQ(outcome.reason, GetParam().code) << outcome;
    EXPECT_NE(outcome.status, ParseStatus::need_more);
}

TEST_P(RequestHeads, GetTheSameVerdictHoweverTheyArrive) {
    const std::string& octets = GetParam().octets;
    const Outcome whole = feed_at_once(octets);
    for (std::size_t at = 1; at < octets.size(); ++at) {
        EXPECT_EQ(feed(octets, {at, octets.size()}), whole) << "split at " << at;
    }
    std::vector<std::size_t> each;
    for (std::size_t at = 1; at <= octets.size(); ++at)
        each.push_back(at);
    EXPECT_EQ(feed(octets, each), whole) << "octet by octet";
}

INSTANTIATE_TEST_SUITE_P(All, RequestHeads, testing::ValuesIn(cases()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(RequestParser, UnderstandsAHeadAndLeavesTheRest) {
    const std::string octets =
        "POST /a?b HTTP/1.1\r\nHost: a\r\nX-One:  1 \r\nCONTENT-LENGTH: 4\r\n\r\nbodyGET";
    for (std::size_t at = 1; at <= octets.size(); ++at) {
        const Outcome outcome = feed(octets, {at, octets.size()});
        ASSERT_EQ(outcome.status, ParseStatus::done);
        EXPECT_EQ(outcome.consumed, octets.size() - 7);
        EXPECT_EQ(outcome.summary, "POST /a?b 11\nHost=a\nX-One=1\nCONTENT-LENGTH=4\n");
    }
}

TEST(RequestParser, WaitsForTheEndOfAHead) {
    const std::string octets = get("X: y\r\n");
    for (std::size_t end = 1; end < octets.size(); ++end) {
        EXPECT_EQ(feed(octets, {end}).status, ParseStatus::need_more) << end;
    }
}

TEST(RequestParser, CanBeStartedAgain) {
    RequestParser parser;
    http::RequestHead head;
    for (int i = 0; i < 3; ++i) {
        const std::string octets = get("N: " + std::to_string(i) + "\r\n");
        parser.start(head, {});
        EXPECT_EQ(parser.parse(octets.data(), 10).status, ParseStatus::need_more);
        EXPECT_EQ(parser.parse(octets.data(), octets.size()).status, ParseStatus::done);
        ASSERT_EQ(head.fields.size(), 2U);
        EXPECT_EQ(head.fields[1].value, std::to_string(i));
    }
}

TEST(RequestParserLimits, TheTargetHasALength) {
    const HeadLimits limits{4096, 100, 100};
    const auto with_target = [](std::size_t size) {
        return "GET /" + std::string(size - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
    };
    EXPECT_EQ(feed_at_once(with_target(100), limits).code, 0U);
    EXPECT_EQ(feed_at_once(with_target(101), limits).code, 414U);
    EXPECT_EQ(feed_at_once(with_target(101), limits).reason, "target_too_long");
    // It is told before its end comes.
    EXPECT_EQ(feed_at_once("GET /" + std::string(300, 'a'), limits).code, 414U);
}

TEST(RequestParserLimits, TheHeadHasASize) {
    const HeadLimits limits{1024, 100, 512};
    const auto of_size = [](std::size_t size) {
        const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
    };
    EXPECT_EQ(feed_at_once(of_size(1024), limits).code, 0U);
    for (const std::size_t size : {1025U, 1030U, 1041U, 2000U, 5000U}) {
        const std::string octets = of_size(size);
        EXPECT_EQ(feed_at_once(octets, limits).code, 431U) << size;
        EXPECT_EQ(feed_at_once(octets, limits).reason, "head_too_large") << size;
        EXPECT_EQ(feed(octets, {20, 900, octets.size()}, limits).code, 431U) << size;
    }
    // It is told before its end comes.
    EXPECT_EQ(feed_at_once(of_size(5000).substr(0, 1200), limits).code, 431U);
    EXPECT_EQ(feed(of_size(5000), {500, 1000, 1100}, limits).code, 431U);
}

TEST(RequestParserLimits, AHeadOfTheLargestSizePassesHoweverItArrives) {
    const HeadLimits limits{1024, 100, 512};
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string octets = start + std::string(1024 - start.size() - 4, 'x') + "\r\n\r\n";
    for (const std::size_t at : {1U, 100U, 512U, 1000U, 1020U, 1022U, 1023U}) {
        EXPECT_EQ(feed(octets, {at, octets.size()}, limits).status, ParseStatus::done) << at;
    }
}

TEST(RequestParserLimits, TheFieldsAreCounted) {
    const HeadLimits limits{4096, 10, 512};
    const auto with_fields = [](int count) {
        std::string fields;
        for (int i = 1; i < count; ++i)
            fields += "X: y\r\n";
        return get(fields);
    };
    EXPECT_EQ(feed_at_once(with_fields(10), limits).code, 0U);
    EXPECT_EQ(feed_at_once(with_fields(11), limits).code, 431U);
    EXPECT_EQ(feed_at_once(with_fields(11), limits).reason, "too_many_headers");
}

TEST(RequestParserLimits, DribblingAHeadIsCheap) {
    // Were each octet parsed anew with all before it, this would take minutes under a sanitizer.
    const std::string octets = get("X: " + std::string(31'000, 'x') + "\r\n");
    RequestParser parser;
    http::RequestHead head;
    parser.start(head, {});
    for (std::size_t at = 1; at < octets.size(); ++at) {
        ASSERT_EQ(parser.parse(octets.data(), at).status, ParseStatus::need_more);
    }
    EXPECT_EQ(parser.parse(octets.data(), octets.size()).status, ParseStatus::done);
}

struct ResponseCase {
    const char* name;
    std::string octets;
    bool accepted;
};
std::ostream& operator<<(std::ostream& out, const ResponseCase& c) {
    return out << c.name;
}

class ResponseHeads : public testing::TestWithParam<ResponseCase> {};

/// 1: accepted, 0: refused, -1: not complete.
int judge(std::string_view octets, const std::vector<std::size_t>& ends) {
    ResponseParser parser;
    http::ResponseHead head;
    parser.start(head, {});
    for (const std::size_t end : ends) {
        const std::vector<char> memory(octets.begin(),
                                       octets.begin() + static_cast<std::ptrdiff_t>(end));
        const ParseResult result = parser.parse(memory.data(), memory.size());
        if (result.status == ParseStatus::need_more) continue;
        if (result.status == ParseStatus::failed) {
            EXPECT_EQ(result.verdict.status, 502U);
            return 0;
        }
        return http::validate_response(head, http::Verb::get).accepted() ? 1 : 0;
    }
    return -1;
}

TEST_P(ResponseHeads, GetTheirVerdictHoweverTheyArrive) {
    const std::string& octets = GetParam().octets;
    EXPECT_EQ(judge(octets, {octets.size()}), GetParam().accepted ? 1 : 0);
    for (std::size_t at = 1; at < octets.size(); ++at) {
        EXPECT_EQ(judge(octets, {at, octets.size()}), GetParam().accepted ? 1 : 0) << at;
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, ResponseHeads,
    testing::Values(
        ResponseCase{"plain", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true},
        ResponseCase{"no_fields", "HTTP/1.1 200 OK\r\n\r\n", true},
        ResponseCase{"no_reason", "HTTP/1.1 200 \r\n\r\n", true},
        ResponseCase{"latin1_reason", "HTTP/1.1 200 caf\xe9\r\n\r\n", true},
        ResponseCase{"http10", "HTTP/1.0 200 OK\r\n\r\n", true},
        ResponseCase{"interim", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", true},
        ResponseCase{"http2", "HTTP/2.0 200 OK\r\n\r\n", false},
        ResponseCase{"not_http", "SSH-2.0-OpenSSH_9.2\r\n\r\n", false},
        ResponseCase{"status_of_two_digits", "HTTP/1.1 99 OK\r\n\r\n", false},
        ResponseCase{"status_of_four_digits", "HTTP/1.1 2000 OK\r\n\r\n", false},
        ResponseCase{"status_with_letter", "HTTP/1.1 2x0 OK\r\n\r\n", false},
        ResponseCase{"status_700", "HTTP/1.1 700 OK\r\n\r\n", false},
        ResponseCase{"bare_lf", "HTTP/1.1 200 OK\nContent-Length: 3\n\n", false},
        ResponseCase{"bare_cr", "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", false},
        ResponseCase{"nul", "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"s, false},
        ResponseCase{"nul_in_reason", "HTTP/1.1 200 O\0K\r\n\r\n"s, false},
        ResponseCase{"fold", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", false},
        ResponseCase{"fold_at_once", "HTTP/1.1 200 OK\r\nX:\r\n b\r\n\r\n", false},
        ResponseCase{"space_before_colon", "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", false},
        ResponseCase{"space_first", "HTTP/1.1 200 OK\r\n X: a\r\n\r\n", false},
        ResponseCase{"empty_line_first", "\r\nHTTP/1.1 200 OK\r\n\r\n", false},
        ResponseCase{"both",
                     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                     false},
        ResponseCase{"two_lengths",
                     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", false},
        ResponseCase{"upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", false}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace switchyard::h1
