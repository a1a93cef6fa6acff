// Responses that are compressed on their way: what curl and Python make of them, pauses, aborts,
// and what must stay as it is.
#include "integration/harness.hpp"
#include "integration/metrics_page.hpp"
#include "support/raw_origin.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>

#include <gmock/gmock.h>

namespace switchyard::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string words(std::size_t size) {
    std::minstd_rand random(1);
    std::string text;
    while (text.size() < size)
        text += "word" + std::to_string(random() % 1000) + (random() % 9 == 0 ? ".\n" : " ");
    text.resize(size);
    return text;
}
std::string noise(std::size_t size) {
    std::minstd_rand random(7);
    std::string text(size, '\0');
    for (char& c : text)
        c = static_cast<char>(random() >> 8);
    return text;
}

/// An origin that answers by path, with heads as the test wants them.
class Compression : public testing::Test {
  protected:
    using Answer = std::function<void(int fd, const std::string& head)>;

    void start(const std::string& options = "{}", const std::string& top = {}) {
        daemon_ = std::make_unique<Daemon>(
            "listeners: [{address: \"127.0.0.1:0\"}, {address: \"127.0.0.2:0\", h2c: true}]\n"
            "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n" +
            top + "services:\n  app:\n    hosts: [\"*\"]\n    slots: {blue: {targets: [\"" +
            origin_->address() + "\"]}}\n    compression: " + options + "\n");
        daemon_->start();
    }
    /// `fields`: complete lines.
    void answer(const std::string& path, const std::string& fields, const std::string& body,
                const std::string& status = "200 OK") {
        const std::string text = "HTTP/1.1 " + status + "\r\n" + fields +
                                 "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
        answer(path, [text, body](int fd, const std::string& head) {
            RawOrigin::send_all(fd, head.starts_with("HEAD") ? text : text + body);
        });
    }
    void answer(const std::string& path, Answer how) { answers_[path] = std::move(how); }

    [[nodiscard]] test::Run curl(std::vector<std::string> more, const std::string& path,
                                 bool h2 = false) const {
        std::vector<std::string> command = {"/usr/bin/curl", "-sS", "--max-time", "60"};
        if (h2) command.emplace_back("--http2-prior-knowledge");
        command.insert(command.end(), more.begin(), more.end());
        command.push_back("http://" + daemon_->address(h2 ? 1 : 0) + path);
        return run_program(command);
    }
    /// One GET by hand, which decodes nothing.
    [[nodiscard]] Response ask(const std::string& path, const std::string& accepted,
                               const Fields& more = {}, std::string_view method = "GET") const {
        Fields fields = more;
        if (!accepted.empty()) fields.emplace_back("Accept-Encoding", accepted);
        Client client(daemon_->address());
        return exchange(client, method, path, fields);
    }
    [[nodiscard]] MetricsPage page() const {
        const auto status = daemon_->admin().get("/v1/status").json();
        return MetricsPage(
            test::get(std::string(status.at("metrics_address").as_string()), "/metrics").body);
    }
    [[nodiscard]] double counted(const std::string& name) const { return page().sum(name); }

    std::map<std::string, Answer> answers_;  ///< Not changed once requests come.
    std::unique_ptr<RawOrigin> origin_ = std::make_unique<RawOrigin>([this](int fd) {
        std::string received;
        char piece[4096];
        for (;;) {
            const auto end = received.find("\r\n\r\n");
            if (end == std::string::npos) {
                const auto count = ::recv(fd, piece, sizeof piece, 0);
                if (count <= 0) return;
                received.append(piece, static_cast<std::size_t>(count));
                continue;
            }
            const std::string head = received.substr(0, end);
            received.erase(0, end + 4);
            const auto from = head.find(' ') + 1;
            const auto found = answers_.find(head.substr(from, head.find(' ', from) - from));
            if (found == answers_.end()) {
                RawOrigin::send_all(fd, kHealthy);
            } else {
                found->second(fd, head);
            }
        }
    });
    std::unique_ptr<Daemon> daemon_;
};

const std::string kText = "Content-Type: text/html\r\n";

TEST_F(Compression, CurlGetsTheSame) {
    const std::string page = words(100'000);
    answer("/page", kText, page);
    answer("/chunked", [&](int fd, const std::string&) {
        std::string text = "HTTP/1.1 200 OK\r\n" + kText + "Transfer-Encoding: chunked\r\n\r\n";
        for (std::size_t at = 0; at < page.size(); at += 10'000)
            text += chunk(page.substr(at, 10'000));
        RawOrigin::send_all(fd, text + chunk(""));
    });
    const std::string long_text = words(3'000'000);
    answer("/long", kText, long_text);
    start();
    for (const bool h2 : {false, true}) {
        for (const char* const path : {"/page", "/chunked", "/long"}) {
            const std::string& whole = path == std::string("/long") ? long_text : page;
            EXPECT_TRUE(curl({}, path, h2).out == whole) << path;
            for (const char* const coding : {"gzip", "br"}) {
                const std::string accept = "Accept-Encoding: " + std::string(coding);
                auto run = curl({"--compressed", "-H", accept}, path, h2);
                EXPECT_EQ(run.exit.code, 0) << run.err;
                EXPECT_TRUE(run.out == whole) << path << coding;
                run = curl({"-H", accept, "-o", "/dev/null", "-D", "-", "-w", "%{size_download}"},
                           path, h2);
                EXPECT_THAT(run.out, HasSubstr("ontent-"));
                EXPECT_NE(run.out.find(std::string("ncoding: ") + coding), std::string::npos)
                    << run.out;
                const auto size = std::stoul(run.out.substr(run.out.rfind('\n') + 1));
                EXPECT_LT(size, whole.size() / 2) << path << coding;
            }
        }
    }
    // The client has its answer a moment before it is counted.
    EXPECT_TRUE(eventually([&] { return counted("switchyard_compressed_responses_total") == 24; }));
    EXPECT_EQ(counted("switchyard_compression_bytes_in_total"), 8 * 3'200'000);
    EXPECT_LT(counted("switchyard_compression_bytes_out_total"), 4 * 3'200'000);
}

TEST_F(Compression, TheHeadSaysSo) {
    answer("/page", kText + "ETag: \"v1\"\r\nAccept-Ranges: bytes\r\nVary: Origin\r\nX-A: b\r\n",
           words(5'000));
    start();
    for (const char* const method : {"GET", "HEAD"}) {
        auto response = ask("/page", "gzip", {}, method);
        EXPECT_EQ(response.field("Content-Encoding"), "gzip");
        EXPECT_EQ(response.field("ETag"), "W/\"v1\"");
        EXPECT_EQ(response.field("Vary"), "Origin, Accept-Encoding");
        EXPECT_FALSE(response.field("Accept-Ranges"));
        EXPECT_EQ(response.field("X-A"), "b");
        EXPECT_NE(response.field("Content-Length"), "5000");
        response = ask("/page", "", {}, method);
        EXPECT_FALSE(response.field("Content-Encoding"));
        EXPECT_EQ(response.field("ETag"), "\"v1\"");
        EXPECT_EQ(response.field("Vary"), "Origin, Accept-Encoding");
        EXPECT_EQ(response.field("Accept-Ranges"), "bytes");
        EXPECT_EQ(response.field("Content-Length"), "5000");
    }
    // The length of one that is all here is known.
    const auto response = ask("/page", "br");
    EXPECT_FALSE(response.chunked);
    EXPECT_EQ(response.field("Content-Length"), std::to_string(response.body.size()));
}

TEST_F(Compression, WhatMustNotBeChangedIsNot) {
    const std::string body = words(5'000);
    answer("/gzip", kText + "Content-Encoding: gzip\r\n", body);
    answer("/fixed", kText + "Cache-Control: no-transform\r\n", body);
    answer("/digest", kText + "Repr-Digest: sha-256=:AAAA:\r\n", body);
    answer("/image", "Content-Type: image/png\r\n", body);
    answer("/short", kText, words(1023));
    answer("/part", kText + "Content-Range: bytes 0-4999/9000\r\n", body, "206 Partial Content");
    answer("/events", "Content-Type: text/event-stream\r\n", body);
    answer("/range", kText, body);
    start();
    for (const auto& [path, ignored] : answers_) {
        Fields more;
        if (path == "/range") more = {{"Range", "bytes=0-9999"}};
        const auto response = ask(path, "gzip, br", more);
        EXPECT_TRUE(response.body == words(path == "/short" ? 1023 : 5'000)) << path;
        EXPECT_EQ(response.field("Content-Encoding").value_or("none"),
                  path == "/gzip" ? "gzip" : "none");
        EXPECT_EQ(response.field("Vary").value_or("none"),
                  path == "/range" ? "Accept-Encoding" : "none")
            << path;
    }
    EXPECT_EQ(counted("switchyard_compressed_responses_total"), 0);
}

TEST_F(Compression, NotModifiedKeepsTheWeakETag) {
    answer("/page", [](int fd, const std::string& head) {
        // RFC 9110 §13.1.2: compared weakly.
        const bool same = head.find("If-None-Match: W/\"v1\"") != std::string::npos ||
                          head.find("If-None-Match: \"v1\"") != std::string::npos;
        RawOrigin::send_all(fd, same ? "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n"
                                     : "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: "
                                       "\"v1\"\r\nContent-Length: 5000\r\n\r\n" +
                                           words(5'000));
    });
    start();
    const auto first = ask("/page", "gzip");
    const auto etag = first.field("ETag").value_or("");
    EXPECT_EQ(etag, "W/\"v1\"");
    const auto again = ask("/page", "gzip", {{"If-None-Match", etag}});
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.field("ETag"), etag);
    EXPECT_EQ(again.field("Vary"), "Accept-Encoding");
    EXPECT_FALSE(again.field("Content-Encoding"));
    EXPECT_EQ(ask("/page", "", {{"If-None-Match", "\"v1\""}}).field("ETag"), "\"v1\"");
}

TEST_F(Compression, AClientOfHttp10GetsItToo) {
    const std::string page = words(2'000'000);
    answer("/page", kText, page);
    start();
    const auto run = curl({"-0", "--compressed", "-D", "/dev/stderr"}, "/page");
    EXPECT_EQ(run.exit.code, 0);
    EXPECT_TRUE(run.out == page);
    EXPECT_THAT(run.err, HasSubstr("Content-Encoding: "));
    EXPECT_THAT(run.err, Not(HasSubstr("Transfer-Encoding")));
}

TEST_F(Compression, TrailersAreKept) {
    answer("/page", [](int fd, const std::string&) {
        RawOrigin::send_all(fd, "HTTP/1.1 200 OK\r\n" + kText +
                                    "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" +
                                    chunk(words(5'000)) + "0\r\nX-Sum: 42\r\n\r\n");
    });
    start();
    const auto response = ask("/page", "gzip");
    EXPECT_EQ(response.field("Content-Encoding"), "gzip");
    EXPECT_EQ(response.trailers, (Fields{{"X-Sum", "42"}}));
}

TEST_F(Compression, APauseOfTheOriginHoldsNothingBack) {
    std::mutex mutex;
    std::condition_variable changed;
    int allowed = 0;
    answer("/lines", [&](int fd, const std::string&) {
        RawOrigin::send_all(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
        for (int line = 0; line < 5; ++line) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return allowed > line; });
            if (!RawOrigin::send_all(fd, "line " + std::to_string(line) + "\n")) return;
        }
        ::shutdown(fd, SHUT_RDWR);
    });
    start("{types: [\"text/plain\"]}");
    for (const bool h2 : {false, true}) {
        for (const char* const coding : {"gzip", "br"}) {
            {
                const std::lock_guard lock(mutex);
                allowed = 0;
            }
            ProcessOptions options;
            options.arguments = {"/usr/bin/curl", "-sSN", "--compressed", "-H",
                                 "Accept-Encoding: " + std::string(coding)};
            if (h2) options.arguments.emplace_back("--http2-prior-knowledge");
            options.arguments.push_back("http://" + daemon_->address(h2 ? 1 : 0) + "/lines");
            options.pipe_output = true;
            Process client(options);
            for (int line = 0; line < 5; ++line) {
                {
                    const std::lock_guard lock(mutex);
                    allowed = line + 1;
                }
                changed.notify_all();
                ASSERT_EQ(client.read_line().value_or("nothing"), "line " + std::to_string(line));
            }
            EXPECT_EQ(client.wait().value_or(Exit{}).code, 0);
        }
    }
}

TEST_F(Compression, C09_AnAbortOfTheOriginIsOneOfTheResponse) {
    const std::string page = words(50'000);
    answer("/chunked", [&](int fd, const std::string&) {
        RawOrigin::send_all(
            fd, "HTTP/1.1 200 OK\r\n" + kText + "Transfer-Encoding: chunked\r\n\r\n" + chunk(page));
        ::shutdown(fd, SHUT_RDWR);
    });
    answer("/length", [&](int fd, const std::string&) {
        RawOrigin::send_all(fd,
                            "HTTP/1.1 200 OK\r\n" + kText + "Content-Length: 60000\r\n\r\n" + page);
        ::shutdown(fd, SHUT_RDWR);
    });
    start();
    for (const char* const path : {"/chunked", "/length"}) {
        for (const char* const coding : {"gzip", "br"}) {
            const std::string accept = "Accept-Encoding: " + std::string(coding);
            // 18: cut off; 56: a reset.
            EXPECT_THAT(curl({"--compressed", "-H", accept}, path).exit.code,
                        testing::AnyOf(18, 56))
                << path;
            EXPECT_EQ(curl({"--compressed", "-H", accept}, path, true).exit.code, 92) << path;
            EXPECT_NE(curl({"--compressed", "-0", "-H", accept}, path).exit.code, 0) << path;
        }
    }
    EXPECT_EQ(
        this->page().sum("switchyard_request_outcomes_total", {{"outcome", "upstream_error"}}), 12);
}

TEST_F(Compression, AStreamWithoutEndTakesNoMemory) {
#if defined(SWITCHYARD_ASAN) || defined(SWITCHYARD_TSAN)
    constexpr std::uint64_t kBytes = 128ULL << 20;
#else
    constexpr std::uint64_t kBytes = 1ULL << 30;
#endif
    std::string piece;
    while (piece.size() < 1 << 20)
        piece += words(1 << 10);
    answer("/stream", [&](int fd, const std::string&) {
        RawOrigin::send_all(fd, "HTTP/1.1 200 OK\r\n" + kText +
                                    "Content-Length: " + std::to_string(kBytes) + "\r\n\r\n");
        for (std::uint64_t sent = 0; sent < kBytes; sent += piece.size()) {
            if (!RawOrigin::send_all(fd, piece)) return;
        }
    });
    start("{gzip_level: 1}");
    constexpr const char* kProgram = R"(
import sys, urllib.request, zlib
request = urllib.request.Request(sys.argv[1], headers={"Accept-Encoding": "gzip"})
decoder, total = zlib.decompressobj(31), 0
with urllib.request.urlopen(request) as answer:
    assert answer.headers["Content-Encoding"] == "gzip"
    while piece := answer.read(65536):
        total += len(decoder.decompress(piece))
total += len(decoder.flush())
print(total, decoder.eof)
)";
    EXPECT_EQ(ask("/none", "gzip").status, 200);
    const std::size_t before = daemon_->resident_bytes();
    const auto run = run_program(
        {"/usr/bin/python3", "-c", kProgram, "http://" + daemon_->address() + "/stream"}, {},
        Deadline(250s));
    EXPECT_EQ(run.out, std::to_string(kBytes) + " True\n") << run.err;
    EXPECT_LT(daemon_->resident_bytes(), before + kNoticeableBytes);
}

TEST_F(Compression, AClientThatDoesNotReadStopsTheOrigin) {
    std::atomic<std::uint64_t> sent{0};
    const std::string piece = noise(1 << 20);
    answer("/stream", [&](int fd, const std::string&) {
        RawOrigin::send_all(fd, "HTTP/1.1 200 OK\r\n" + kText + "\r\n");
        for (int i = 0; i < 100 && RawOrigin::send_all(fd, piece); ++i)
            sent += piece.size();
        ::shutdown(fd, SHUT_RDWR);
    });
    start();
    for (const char* const coding : {"gzip", "br"}) {
        sent = 0;
        const std::size_t before = daemon_->resident_bytes();
        Client client(daemon_->address());
        client.send(request_text("GET", "/stream", {{"Accept-Encoding", coding}}));
        // Until nothing moves any more.
        std::uint64_t last = 1;
        EXPECT_TRUE(eventually([&] {
            const bool stuck = sent == last && last > 0;
            last = sent;
            if (!stuck) std::this_thread::sleep_for(300ms);
            return stuck;
        }));
        EXPECT_LT(sent, 60U << 20);
        EXPECT_LT(daemon_->resident_bytes(), before + kNoticeableBytes);
        // It goes on where it stopped.
        auto response = read_head(client);
        EXPECT_EQ(response.field("Content-Encoding"), coding);
        std::uint64_t got = 0;
        read_body(
            client, response, "GET", [&](std::string_view octets) { got += octets.size(); },
            Deadline(200s));
        EXPECT_GT(got, 100U << 20);
    }
}

TEST_F(Compression, TheLogCountsWhatWasSent) {
    answer("/page", kText, words(100'000));
    start("{algorithms: [gzip]}", "access_log: {path: \"${DIR}/access.log\"}\n");
    const auto response = ask("/page", "gzip, br");
    EXPECT_EQ(response.field("Content-Encoding"), "gzip");
    EXPECT_LT(response.body.size(), 50'000U);
    std::string log;
    EXPECT_TRUE(eventually([&] {
        log = read_file(daemon_->dir().file("access.log"));
        return log.find("/page") != std::string::npos;
    }));
    const auto at = log.find("\"bytes_sent\":");
    ASSERT_NE(at, std::string::npos) << log;
    const auto bytes = std::stoul(log.substr(at + 13));
    EXPECT_GT(bytes, response.body.size());
    EXPECT_LT(bytes, response.body.size() + 1'000);
}

TEST_F(Compression, IsOffUnlessItIsConfigured) {
    answer("/page", kText, words(5'000));
    start("{types: [\"text/css\"]}");
    EXPECT_FALSE(ask("/page", "gzip").field("Content-Encoding"));
    std::string yaml = read_file(daemon_->config_path());
    const auto reload = [&](const std::string& options) {
        const auto at = yaml.find("    compression:");
        yaml.replace(at, yaml.find('\n', at) + 1 - at, options);
        daemon_->write_config(yaml);
        EXPECT_EQ(daemon_->cli({"reload"}).exit.code, 0);
    };
    reload("    compression: {types: [\"text/*\"]}\n");
    EXPECT_EQ(ask("/page", "gzip").field("Content-Encoding"), "gzip");
    reload("");
    EXPECT_FALSE(ask("/page", "gzip").field("Content-Encoding"));
    EXPECT_FALSE(ask("/page", "gzip").field("Vary"));
}

}  // namespace
}  // namespace switchyard::test
