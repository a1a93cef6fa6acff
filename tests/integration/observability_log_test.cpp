// The access log: every request one line with the documented fields, whatever a client sends.
#include "integration/harness.hpp"
#include "support/expression.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <set>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

using namespace std::string_literals;

constexpr const char* kJson = "access_log: {path: \"${DIR}/access.log\"}\n";
constexpr const char* kCombined = "access_log: {path: \"${DIR}/access.log\", format: combined}\n";

class AccessLog : public FrontDoor {
  protected:
    [[nodiscard]] std::vector<std::string> lines() {
        std::vector<std::string> all;
        std::istringstream text(read_file(daemon().dir().file("access.log")));
        for (std::string line; std::getline(text, line);)
            all.push_back(line);
        return all;
    }
    /// Lines come a moment after their requests; waits until so many are there.
    [[nodiscard]] std::vector<std::string> wait_for_lines(std::size_t count) {
        EXPECT_TRUE(eventually([&] { return lines().size() >= count; }))
            << lines().size() << " of " << count << " lines";
        return lines();
    }
    /// The only line, parsed.
    [[nodiscard]] boost::json::value only_line() {
        const auto all = wait_for_lines(1);
        EXPECT_EQ(all.size(), 1u);
        return boost::json::parse(all.at(0));
    }

    static std::string text(const boost::json::value& line, std::string_view key) {
        return std::string(line.at(key).as_string());
    }
    static std::int64_t number(const boost::json::value& line, std::string_view key) {
        return line.at(key).to_number<std::int64_t>();
    }
};

/// Sends bytes as they are and takes what comes until the end of the connection.
void send_raw(const std::string& address, const std::string& bytes) {
    Client client(address);
    client.send(bytes);
    client.shutdown_write();
    try {
        static_cast<void>(client.read_to_end());
    } catch (const ClientError&) {
        // How the connection ends is not the matter here.
    }
}

TEST_F(AccessLog, ALineHasTheDocumentedFieldsInTheirOrder) {
    start(config({}, kJson));
    const auto response = get("/sleep?ms=20&a=%20b", {{"User-Agent", "tester/1"},
                                                      {"Referer", "https://from.example/x"},
                                                      {"X-Request-Id", "mine"}});
    ASSERT_EQ(response.status, 200);
    const auto line = only_line();
    const char* const names[] = {
        "time",           "client",     "method",     "target",     "host",
        "protocol",       "tls",        "status",     "outcome",    "error",
        "service",        "slot",       "preview",    "upstream",   "epoch",
        "bytes_received", "bytes_sent", "hold_us",    "connect_us", "first_byte_us",
        "total_us",       "retries",    "request_id", "referer",    "user_agent"};
    ASSERT_EQ(line.as_object().size(), std::size(names));
    std::size_t at = 0;
    for (const auto& field : line.as_object())
        EXPECT_EQ(field.key(), names[at++]);
    EXPECT_TRUE(matches(text(line, "time"), R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"));
    EXPECT_EQ(text(line, "client"), "127.0.0.1");
    EXPECT_EQ(text(line, "method"), "GET");
    EXPECT_EQ(text(line, "target"), "/sleep?ms=20&a=%20b");
    EXPECT_EQ(text(line, "host"), "localhost");
    EXPECT_EQ(text(line, "protocol"), "HTTP/1.1");
    EXPECT_EQ(text(line, "tls"), "");
    EXPECT_EQ(number(line, "status"), 200);
    EXPECT_EQ(text(line, "outcome"), "completed");
    EXPECT_EQ(text(line, "error"), "");
    EXPECT_EQ(text(line, "service"), "app");
    EXPECT_EQ(text(line, "slot"), "blue");
    EXPECT_EQ(text(line, "upstream"), origin(Colour::blue).address());
    EXPECT_EQ(number(line, "epoch"), 1);
    EXPECT_EQ(number(line, "bytes_received"), 0);
    EXPECT_GT(number(line, "bytes_sent"), static_cast<std::int64_t>(response.body.size()));
    EXPECT_GE(number(line, "connect_us"), 0);
    EXPECT_GE(number(line, "first_byte_us"), 20'000);
    EXPECT_GE(number(line, "total_us"), number(line, "first_byte_us"));
    EXPECT_LT(number(line, "total_us"), 20'000'000);
    EXPECT_EQ(number(line, "retries"), 0);
    EXPECT_EQ(text(line, "request_id"), response.field("X-Request-Id"));
    EXPECT_EQ(text(line, "referer"), "https://from.example/x");
    EXPECT_EQ(text(line, "user_agent"), "tester/1");
}

TEST_F(AccessLog, TellsHowARequestEnded) {
    start(config("    timeouts: {response_head: 200ms}\n    retries: 0\n", kJson));
    struct Case {
        std::string request;
        int status;
        const char* outcome;
        const char* error;
    };
    const std::vector<Case> cases = {
        {request_text("POST", "/upload", {{"Content-Length", "3"}, {"Connection", "close"}}) +
             "abc",
         200, "completed", ""},
        {request_text("GET", "/status?code=500", {{"Connection", "close"}}), 500, "completed", ""},
        {request_text("GET", "/drop", {{"Connection", "close"}}), 502, "upstream_error",
         "upstream_closed"},
        {request_text("GET", "/hang", {{"Connection", "close"}}), 504, "upstream_error",
         "response_timeout"},
        {request_text("GET", "/truncate?n=100&at=50"), 200, "upstream_error", "upstream_truncated"},
        {request_text("GET", "/server_info", {{"Connection", "close"}}), 200, "refused", ""},
        {"GET / HTTP/1.1\r\n\r\n", 400, "refused", "bad_host"},
    };
    std::size_t count = 0;
    for (const auto& one : cases) {
        SCOPED_TRACE(one.request);
        Client client(address());
        client.send(one.request);
        try {
            static_cast<void>(client.read_to_end());
        } catch (const ClientError& error) {
            EXPECT_EQ(error.kind, ClientError::Kind::broken);
        }
        const auto all = wait_for_lines(++count);
        ASSERT_EQ(all.size(), count);
        const auto line = boost::json::parse(all.back());
        EXPECT_EQ(number(line, "status"), one.status);
        EXPECT_EQ(text(line, "outcome"), one.outcome);
        EXPECT_EQ(text(line, "error"), one.error);
    }
    EXPECT_EQ(number(boost::json::parse(lines().front()), "bytes_received"), 3);
    const auto refused = boost::json::parse(lines().back());
    EXPECT_EQ(text(refused, "service"), "");
    EXPECT_EQ(text(refused, "slot"), "");
    EXPECT_EQ(number(refused, "epoch"), 0);
    EXPECT_TRUE(refused.at("first_byte_us").is_null());
}

TEST_F(AccessLog, TellsClientsThatLeftAndRequestsThatWereCut) {
    start(config({}, kJson));
    auto leaving = connect();
    leaving.send(request_text("GET", "/sleep?ms=60000"));
    auto staying = connect();
    staying.send(request_text("GET", "/sleep?ms=60001"));
    ASSERT_TRUE(eventually([this] {
        return origin(Colour::blue).books("/sleep").at("in_flight").to_number<int>() == 2;
    }));
    leaving.reset();
    auto line = only_line();
    EXPECT_EQ(text(line, "outcome"), "client_abort");
    EXPECT_EQ(text(line, "error"), "client_closed");
    EXPECT_EQ(number(line, "status"), 0);
    switch_to(Colour::green, R"("drain_timeout_ms":0)");
    EXPECT_EQ(read_response(staying).status, 503);
    line = boost::json::parse(wait_for_lines(2).at(1));
    EXPECT_EQ(text(line, "outcome"), "cut");
    EXPECT_EQ(text(line, "error"), "drained");
    EXPECT_EQ(number(line, "status"), 503);
    EXPECT_EQ(text(line, "slot"), "blue");
    EXPECT_EQ(number(line, "epoch"), 1);
    ASSERT_EQ(get("/").status, 200);
    line = boost::json::parse(wait_for_lines(3).at(2));
    EXPECT_EQ(text(line, "slot"), "green");
    EXPECT_EQ(number(line, "epoch"), 2);
}

/// What a hostile client puts where the log shows it. None of it may end a line, end a field, or
/// be taken for another line.
const char* const kHostile[] = {
    "\"",
    "\\",
    "\\\"",
    "\",\"status\":999,\"x\":\"",
    "'; DROP TABLE requests; --",
    "\t",
    "\xff\xfe\x80",
    "\xc3\xa9\xe2\x82\xac",
    "%0d%0a%22",
    "\xe2\x80\xa8\xe2\x80\xa9",
    "<script>alert(1)</script>",
    "${jndi:ldap://x.example/a}",
};

TEST_F(AccessLog, NothingThatAClientSendsLeavesItsField) {
    start(config({}, kJson));
    std::size_t requests = 0;
    for (const std::string text : kHostile) {
        send_raw(address(), "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: <" + text +
                                ">\r\nReferer: <" + text + ">\r\nConnection: close\r\n\r\n");
        ++requests;
        // In a target or a host it may be refused: logged it is in any case.
        send_raw(address(), "GET /" + text +
                                " HTTP/1.1\r\nHost: localhost\r\n"
                                "Connection: close\r\n\r\n");
        send_raw(address(), "GET / HTTP/1.1\r\nHost: " + text + "\r\nConnection: close\r\n\r\n");
        send_raw(address(), text + " / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        requests += 3;
    }
    send_raw(address(), "GET /a\rb HTTP/1.1\r\nHost: localhost\r\n\r\n");
    send_raw(address(), "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a\rb\r\n\r\n");
    send_raw(address(), "GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"s);
    requests += 3;
    const auto all = wait_for_lines(requests);
    EXPECT_EQ(all.size(), requests) << "one line a request";
    std::size_t quotes = 0;
    for (const auto& line : all) {
        boost::json::error_code error;
        const auto parsed = boost::json::parse(line, error);
        ASSERT_FALSE(error) << line;
        ASSERT_EQ(parsed.as_object().size(), 25u) << line;
        EXPECT_NE(number(parsed, "status"), 999);
        EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) {
            return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
        })) << line;
        if (text(parsed, "user_agent") == "<\",\"status\":999,\"x\":\">") ++quotes;
    }
    EXPECT_EQ(quotes, 1u) << "what was sent is there as it was sent";
}

TEST_F(AccessLog, TheCombinedFormatIsWhatOtherToolsRead) {
    start(config({}, kCombined));
    std::size_t requests = 0;
    for (const std::string text : kHostile) {
        send_raw(address(), "GET /x HTTP/1.1\r\nHost: localhost\r\nUser-Agent: <" + text +
                                ">\r\nReferer: <" + text + ">\r\nConnection: close\r\n\r\n");
        send_raw(address(), "GET / HTTP/1.1\r\nHost: " + text + "\r\nConnection: close\r\n\r\n");
        requests += 2;
    }
    const std::string format =
        R"re(127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] )re"
        R"re("[^" ]+ [^" ]+ [^" ]+" \d{1,3} \d+ "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*" )re"
        R"re(host="(?:[^"\\]|\\.)*" tls="[^"]*" outcome=[a-z_]+ error="[^"]*" service="[^"]*" )re"
        R"re(slot="[^"]*" preview="[^"]*" upstream="[^"]*" epoch=\d+ bytes_received=\d+ )re"
        R"re(hold_us=(?:-|\d+) connect_us=(?:-|\d+) )re"
        R"re(first_byte_us=(?:-|\d+) total_us=\d+ retries=\d+ request_id="[^"]*")re";
    const auto all = wait_for_lines(requests);
    EXPECT_EQ(all.size(), requests);
    for (const auto& line : all) {
        EXPECT_TRUE(matches(line, format)) << line;
        EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) {
            return c >= 0x20 && c < 0x7f;
        })) << line;
    }
}

TEST_F(AccessLog, TlsIsNamed) {
    const TestCertificates certificates;
    auto yaml = config({}, kJson);
    yaml.replace(0, yaml.find("services:"), "listeners:\n" + certificates.listener());
    start(yaml);
    Client client(address(), TlsOptions{});
    ASSERT_EQ(exchange(client, "GET", "/").status, 200);
    EXPECT_EQ(text(only_line(), "tls"), "TLSv1.3");
}

TEST_F(AccessLog, ASlowReaderCostsLinesButNoRequests) {
    // A pipe that nobody reads is the slowest disk there is.
    start();
    const auto pipe = daemon().dir().file("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(reader, 0);
    daemon().write_config(config({}, "access_log: {path: \"" + pipe + "\", buffer: 4KiB}\n"));
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    const auto dropped = [this] {
        return admin().get("/v1/status").json().at("log_lines_dropped").to_number<int>();
    };
    auto client = connect();
    const Fields fields{{"User-Agent", std::string(1000, 'u')}};
    int requests = 0;
    // The kernel's pipe takes 64 KiB, and the buffers 4 KiB each.
    while (requests < 2000 && dropped() == 0) {
        for (int i = 0; i < 20; ++i, ++requests)
            ASSERT_EQ(exchange(client, "GET", "/", fields).status, 200);
    }
    const auto lost = dropped();
    ASSERT_GT(lost, 0);

    // What was not dropped comes as whole lines once somebody reads.
    std::string text;
    const auto whole = [&] {
        char bytes[65536];
        for (;;) {
            const auto n = ::read(reader, bytes, sizeof bytes);
            if (n <= 0) break;
            text.append(bytes, static_cast<std::size_t>(n));
        }
        return std::count(text.begin(), text.end(), '\n') + dropped() >= requests;
    };
    EXPECT_TRUE(eventually(whole)) << std::count(text.begin(), text.end(), '\n') << " lines and "
                                   << dropped() << " dropped of " << requests;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n') + dropped(), requests);
    std::istringstream all(text);
    for (std::string line; std::getline(all, line);) {
        boost::json::error_code error;
        static_cast<void>(boost::json::parse(line, error));
        ASSERT_FALSE(error) << line;
    }
    ::close(reader);
}

}  // namespace
}  // namespace switchyard::test
