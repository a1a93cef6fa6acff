#include "observe/access_format.hpp"

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::observe {
namespace {

using namespace std::chrono_literals;

AccessRecord sample() {
    AccessRecord record;
    record.start = std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + 3h + 12min + 9s + 120ms;
    record.client = "203.0.113.7";
    record.method = "GET";
    record.target = "/scores?page=2";
    record.host = "scores.example";
    record.protocol = "HTTP/1.1";
    record.tls = "TLSv1.3";
    record.service = "scoreboard";
    record.slot = "blue";
    record.preview = "k3f";
    record.upstream = "10.10.0.2:8000";
    record.request_id = "5f0c1b";
    record.referer = "https://scores.example/";
    record.user_agent = "curl/7.88.1";
    record.epoch = 7;
    record.status = 200;
    record.bytes_received = 12;
    record.bytes_sent = 1534;
    record.hold_us = 84;
    record.connect_us = 210;
    record.first_byte_us = 1900;
    record.total_us = 2100;
    record.retries = 1;
    return record;
}

std::string line_of(AccessFormat format, const AccessRecord& record, std::size_t space = 65536) {
    std::vector<char> memory(space);
    AccessFormatter formatter(format);
    const std::size_t size = formatter.format(record, memory);
    return {memory.data(), size};
}

boost::json::object json_of(const AccessRecord& record) {
    return boost::json::parse(line_of(AccessFormat::json, record)).as_object();
}

TEST(AccessFormat, JsonHasEveryField) {
    EXPECT_EQ(line_of(AccessFormat::json, sample()),
              R"({"time":"2026-03-01T03:12:09.120Z","client":"203.0.113.7","method":"GET",)"
              R"("target":"/scores?page=2","host":"scores.example","protocol":"HTTP/1.1",)"
              R"("tls":"TLSv1.3","status":200,"outcome":"completed","error":"",)"
              R"("service":"scoreboard","slot":"blue","preview":"k3f","upstream":"10.10.0.2:8000",)"
              R"("epoch":7,)"
              R"("bytes_received":12,"bytes_sent":1534,"hold_us":84,"connect_us":210,)"
              R"("first_byte_us":1900,)"
              R"("total_us":2100,"retries":1,"request_id":"5f0c1b",)"
              R"("referer":"https://scores.example/","user_agent":"curl/7.88.1"})"
              "\n");
}

/// docs/operations.md shows a line with all fields in their order, and a row for each.
TEST(AccessFormat, TheDocumentationIsComplete) {
    std::ifstream file(SWITCHYARD_SOURCE_DIR "/docs/operations.md");
    ASSERT_TRUE(file);
    std::vector<std::string> shown;
    std::string rows;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("{\"time\":")) {
            const auto example = boost::json::parse(line);
            for (const auto& field : example.as_object())
                shown.push_back(field.key());
        }
        if (line.starts_with("| `")) rows += line + "\n";
    }
    std::vector<std::string> written;
    for (const auto& field : json_of(sample()))
        written.push_back(field.key());
    EXPECT_EQ(shown, written);
    for (const std::string& field : written) {
        EXPECT_NE(rows.find("`" + field + "`"), std::string::npos) << field;
    }
}

TEST(AccessFormat, CombinedBeginsLikeApacheAndAddsTheRest) {
    EXPECT_EQ(line_of(AccessFormat::combined, sample()),
              R"(203.0.113.7 - - [01/Mar/2026:03:12:09 +0000] "GET /scores?page=2 HTTP/1.1" 200 )"
              R"(1534 "https://scores.example/" "curl/7.88.1" host="scores.example" )"
              R"(tls="TLSv1.3" outcome=completed error="-" service="scoreboard" slot="blue" )"
              R"(preview="k3f" upstream="10.10.0.2:8000" epoch=7 bytes_received=12 hold_us=84 )"
              R"(connect_us=210 )"
              R"(first_byte_us=1900 total_us=2100 retries=1 request_id="5f0c1b")"
              "\n");
}

TEST(AccessFormat, SaysWhatDidNotHappen) {
    AccessRecord record;
    record.start = sample().start;
    record.outcome = Outcome::refused;
    record.error = "bad_request";
    const auto json = json_of(record);
    EXPECT_TRUE(json.at("hold_us").is_null());
    EXPECT_TRUE(json.at("connect_us").is_null());
    EXPECT_TRUE(json.at("first_byte_us").is_null());
    EXPECT_EQ(json.at("total_us").to_number<int>(), 0);
    EXPECT_EQ(json.at("slot").as_string(), "");
    EXPECT_EQ(json.at("error").as_string(), "bad_request");
    EXPECT_EQ(line_of(AccessFormat::combined, record),
              "- - - [01/Mar/2026:03:12:09 +0000] \"- - -\" 0 0 \"-\" \"-\" host=\"-\" tls=\"-\" "
              "outcome=refused error=\"bad_request\" service=\"-\" slot=\"-\" preview=\"-\" "
              "upstream=\"-\" epoch=0 "
              "bytes_received=0 hold_us=- connect_us=- first_byte_us=- total_us=0 retries=0 "
              "request_id=\"-\"\n");
}

TEST(AccessFormat, TimeFollowsEachRecordsSecond) {
    std::vector<char> memory(4096);
    AccessFormatter formatter(AccessFormat::json);
    const auto time_of = [&](std::chrono::system_clock::time_point start) {
        AccessRecord record = sample();
        record.start = start;
        const std::size_t size = formatter.format(record, memory);
        return std::string(memory.data(), size).substr(9, 24);
    };
    const auto noon = std::chrono::sys_days{std::chrono::year{2024} / 2 / 29} + 23h + 59min + 59s;
    EXPECT_EQ(time_of(noon + 999ms), "2024-02-29T23:59:59.999Z");
    EXPECT_EQ(time_of(noon + 1s + 1ms), "2024-03-01T00:00:00.001Z");
    EXPECT_EQ(time_of(noon), "2024-02-29T23:59:59.000Z");
}

struct EscapeCase {
    const char* what;
    std::string input;
    std::string json;      ///< As it stands in the line.
    std::string combined;  ///< Inside quotes.
};

std::vector<EscapeCase> escape_cases() {
    using namespace std::string_literals;
    return {
        {"clean", "Mozilla/5.0 (X11; Linux x86_64) it's <ok> & fine",
         "Mozilla/5.0 (X11; Linux x86_64) it's <ok> & fine",
         "Mozilla/5.0 (X11; Linux x86_64) it's <ok> & fine"},
        {"quote and backslash", R"(a"b\c)", R"(a\"b\\c)", R"(a\"b\\c)"},
        {"line break", "a\r\nb", R"(a\u000d\u000ab)", R"(a\x0d\x0ab)"},
        {"NUL", "a\0b"s, R"(a\u0000b)", R"(a\x00b)"},
        {"escape sequence", "\x1b[2J", R"(\u001b[2J)", R"(\x1b[2J)"},
        {"DEL", "a\x7f", R"(a\u007f)", R"(a\x7f)"},
        {"UTF-8", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\x89",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\x89",
         R"(gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\x89)"},
        {"C1 control", "\xc2\x9b", R"(\u009b)", R"(\xc2\x9b)"},
        {"lone byte", "\xff", R"(\\xff)", R"(\xff)"},
        {"lone continuation", "a\x80z", R"(a\\x80z)", R"(a\x80z)"},
        {"cut sequence at the end", "a\xe2\x82", R"(a\\xe2\\x82)", R"(a\xe2\x82)"},
        {"overlong slash", "\xc0\xaf", R"(\\xc0\\xaf)", R"(\xc0\xaf)"},
        {"overlong in three", "\xe0\x80\xaf", R"(\\xe0\\x80\\xaf)", R"(\xe0\x80\xaf)"},
        {"overlong in four", "\xf0\x80\x80\xaf", R"(\\xf0\\x80\\x80\\xaf)", R"(\xf0\x80\x80\xaf)"},
        {"surrogate", "\xed\xa0\x80", R"(\\xed\\xa0\\x80)", R"(\xed\xa0\x80)"},
        {"beyond Unicode", "\xf4\x90\x80\x80", R"(\\xf4\\x90\\x80\\x80)", R"(\xf4\x90\x80\x80)"},
        {"dirty byte in the ninth place", "12345678\"", R"(12345678\")", R"(12345678\")"},
        {"dirty byte in the eighth place", "1234567\n9", R"(1234567\u000a9)", R"(1234567\x0a9)"},
    };
}

TEST(AccessFormat, EscapesEveryText) {
    for (const EscapeCase& test : escape_cases()) {
        AccessRecord record = sample();
        record.user_agent = test.input;
        EXPECT_NE(
            line_of(AccessFormat::json, record).find("\"user_agent\":\"" + test.json + "\"}\n"),
            std::string::npos)
            << test.what << ": " << line_of(AccessFormat::json, record);
        EXPECT_NE(line_of(AccessFormat::combined, record).find(" \"" + test.combined + "\" host="),
                  std::string::npos)
            << test.what << ": " << line_of(AccessFormat::combined, record);
    }
}

/// Every length and every place of one byte to escape: the copy works in pieces that overlap.
TEST(AccessFormat, FindsAByteToEscapeInEveryPlace) {
    const std::string clean = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (std::size_t length = 0; length <= clean.size(); ++length) {
        AccessRecord record = sample();
        record.user_agent = std::string_view(clean).substr(0, length);
        EXPECT_TRUE(line_of(AccessFormat::json, record)
                        .ends_with("\"user_agent\":\"" + clean.substr(0, length) + "\"}\n"));
        for (const char byte : {'"', '\\', '\x01', '\x1f', '\x7f', '\x80', '\xff'}) {
            for (std::size_t place = 0; place < length; ++place) {
                std::string text = clean.substr(0, length);
                text[place] = byte;
                record.user_agent = text;
                const std::string line = line_of(AccessFormat::combined, record);
                constexpr char kHex[] = "0123456789abcdef";
                std::string escaped = {'\\', byte};
                if (byte != '"' && byte != '\\') {
                    const auto value = static_cast<unsigned char>(byte);
                    escaped = {'\\', 'x', kHex[value >> 4], kHex[value & 15]};
                }
                const std::string expected = "\"" + clean.substr(0, place) + escaped +
                                             clean.substr(place + 1, length - place - 1) +
                                             "\" host=";
                ASSERT_NE(line.find(expected), std::string::npos) << line;
            }
        }
    }
}

/// Whatever bytes a client puts anywhere, it stays one line with the same fields.
TEST(AccessFormat, NothingCanBreakOutOfItsField) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte)
        all += static_cast<char>(byte);
    const std::string nasty = all + "\", \"status\": 200}\n{\"" + all;
    using Field = std::string_view AccessRecord::*;
    const std::pair<Field, const char*> fields[] = {
        {&AccessRecord::client, "client"},         {&AccessRecord::method, "method"},
        {&AccessRecord::target, "target"},         {&AccessRecord::host, "host"},
        {&AccessRecord::protocol, "protocol"},     {&AccessRecord::tls, "tls"},
        {&AccessRecord::service, "service"},       {&AccessRecord::slot, "slot"},
        {&AccessRecord::preview, "preview"},       {&AccessRecord::upstream, "upstream"},
        {&AccessRecord::request_id, "request_id"}, {&AccessRecord::referer, "referer"},
        {&AccessRecord::user_agent, "user_agent"}, {&AccessRecord::error, "error"}};
    const auto spaces_outside_quotes = [](const std::string& line) {
        std::size_t spaces = 0;
        bool quoted = false;
        for (std::size_t i = 0; i < line.size(); ++i) {
            if (line[i] == '\\') {
                ++i;
            } else if (line[i] == '"') {
                quoted = !quoted;
            } else if (line[i] == ' ' && !quoted) {
                ++spaces;
            }
        }
        EXPECT_FALSE(quoted);
        return spaces;
    };
    const std::size_t spaces = spaces_outside_quotes(line_of(AccessFormat::combined, sample()));
    for (const auto& [field, name] : fields) {
        AccessRecord record = sample();
        record.*field = nasty;
        const auto json = json_of(record);
        EXPECT_EQ(json.size(), 25U) << name;
        EXPECT_EQ(json.at("status").to_number<int>(), 200) << name;
        EXPECT_EQ(json.at("user_agent").as_string() == "curl/7.88.1",
                  field != &AccessRecord::user_agent);
        const std::string line = line_of(AccessFormat::combined, record);
        EXPECT_EQ(spaces_outside_quotes(line), spaces) << name << ": " << line;
        for (std::size_t i = 0; i + 1 < line.size(); ++i) {
            ASSERT_TRUE(line[i] >= 0x20 && line[i] < 0x7f) << name << " at " << i;
        }
    }
}

TEST(AccessFormat, TheRequestLineKeepsItsThreeParts) {
    AccessRecord record = sample();
    record.target = "/a b HTTP/1.1";
    EXPECT_NE(line_of(AccessFormat::combined, record).find(R"("GET /a\x20b\x20HTTP/1.1 HTTP/1.1")"),
              std::string::npos);
}

TEST(AccessFormat, WritesNothingBeyondItsSpace) {
    for (const AccessFormat format : {AccessFormat::json, AccessFormat::combined}) {
        AccessRecord record = sample();
        record.user_agent = "quotes \" and \xff bytes";
        const std::string whole = line_of(format, record);
        std::vector<char> memory(whole.size() + 64);
        AccessFormatter formatter(format);
        for (std::size_t space = 0; space <= whole.size(); ++space) {
            std::fill(memory.begin(), memory.end(), '#');
            const std::size_t size = formatter.format(record, {memory.data(), space});
            EXPECT_EQ(size, space == whole.size() ? whole.size() : 0U);
            for (std::size_t i = space; i < memory.size(); ++i)
                ASSERT_EQ(memory[i], '#') << space;
        }
    }
}

}  // namespace
}  // namespace switchyard::observe
