#include "observe/access_log.hpp"

#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::observe {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class AccessLogTest : public testing::Test {
  protected:
    AccessLogTest() {
        std::string pattern = (fs::temp_directory_path() / "switchyard-log-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }
    ~AccessLogTest() override { fs::remove_all(folder_); }

    [[nodiscard]] std::string path(const std::string& name = "access.log") const {
        return (folder_ / name).string();
    }
    static std::string read(const std::string& file) {
        std::ifstream in(file, std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        return text.str();
    }
    static std::vector<std::string> lines(const std::string& file) {
        std::vector<std::string> lines;
        std::istringstream in(read(file));
        for (std::string line; std::getline(in, line);)
            lines.push_back(line);
        return lines;
    }
    /// Looks until it is so; false after ten seconds.
    static bool eventually(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(1ms);
        }
        return true;
    }
    static AccessRecord record(std::string_view target) {
        AccessRecord record;
        record.start = std::chrono::system_clock::now();
        record.method = "GET";
        record.target = target;
        record.status = 200;
        return record;
    }
    static std::string target_of(const std::string& line) {
        return boost::json::parse(line).at("target").as_string().c_str();
    }

    fs::path folder_;
};

TEST_F(AccessLogTest, WritesEverythingBeforeItCloses) {
    {
        auto log = *AccessLog::open(path(), AccessFormat::json, 1, 1 << 20);
        for (int i = 0; i < 1000; ++i)
            log->sink(0).write(record("/" + std::to_string(i)));
    }
    const auto written = lines(path());
    ASSERT_EQ(written.size(), 1000U);
    for (std::size_t i = 0; i < written.size(); ++i) {
        ASSERT_EQ(target_of(written[i]), "/" + std::to_string(i));
    }
}

TEST_F(AccessLogTest, WritesWhileItIsOpen) {
    auto log = *AccessLog::open(path(), AccessFormat::json, 1, 1 << 20);
    log->sink(0).write(record("/first"));
    EXPECT_TRUE(eventually([&] { return lines(path()).size() == 1; }));
    log->sink(0).write(record("/second"));
    EXPECT_TRUE(eventually([&] { return lines(path()).size() == 2; }));
}

TEST_F(AccessLogTest, AppendsToWhatIsThere) {
    std::ofstream(path()) << "before\n";
    { (*AccessLog::open(path(), AccessFormat::json, 1, 4096))->sink(0).write(record("/x")); }
    const auto written = lines(path());
    ASSERT_EQ(written.size(), 2U);
    EXPECT_EQ(written[0], "before");
}

TEST_F(AccessLogTest, IsNotReadableForOthers) {
    auto log = *AccessLog::open(path(), AccessFormat::json, 1, 4096);
    struct stat status {};
    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0007U, 0U);
}

TEST_F(AccessLogTest, NamesTheFileThatItCannotOpen) {
    const auto log = AccessLog::open(path("missing/access.log"), AccessFormat::json, 1, 4096);
    ASSERT_FALSE(log);
    EXPECT_NE(log.error().message.find("missing/access.log"), std::string::npos);
    EXPECT_NE(log.error().message.find("No such file"), std::string::npos);
}

TEST_F(AccessLogTest, KeepsEveryWorkersOrder) {
    constexpr std::size_t kWorkers = 3;
    constexpr int kLines = 5000;
    {
        auto log = *AccessLog::open(path(), AccessFormat::json, kWorkers, 4 << 20);
        std::vector<std::thread> workers;
        for (std::size_t worker = 0; worker < kWorkers; ++worker) {
            workers.emplace_back([&log, worker] {
                for (int i = 0; i < kLines; ++i) {
                    const std::string target =
                        "/" + std::to_string(worker) + "/" + std::to_string(i);
                    log->sink(worker).write(record(target));
                }
            });
        }
        for (std::thread& worker : workers)
            worker.join();
        EXPECT_EQ(log->dropped(), 0U);
    }
    std::vector<int> next(kWorkers, 0);
    for (const std::string& line : lines(path())) {
        const std::string target = target_of(line);
        const auto worker = static_cast<std::size_t>(target[1] - '0');
        ASSERT_EQ(target.substr(3), std::to_string(next[worker])) << line;
        ++next[worker];
    }
    EXPECT_EQ(next, std::vector<int>(kWorkers, kLines));
}

TEST_F(AccessLogTest, EveryLineIsWrittenWholeOrCounted) {
    // A pipe that nobody empties at first: far less fits than is logged.
    constexpr std::uint64_t kLines = 5000;
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const int pipe = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(pipe, 0);
    auto log = *AccessLog::open(path("pipe"), AccessFormat::combined, 1, 4096);
    for (std::uint64_t i = 0; i < kLines; ++i)
        log->sink(0).write(record("/line"));
    const std::uint64_t dropped = log->dropped();
    EXPECT_GT(dropped, 0U);

    std::string text;
    std::thread reader([&] {
        char buffer[4096];
        ::fcntl(pipe, F_SETFL, 0);
        for (ssize_t count = 0; (count = ::read(pipe, buffer, sizeof(buffer))) > 0;) {
            text.append(buffer, static_cast<std::size_t>(count));
        }
    });
    log.reset();
    reader.join();
    ::close(pipe);
    std::uint64_t written = 0;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line); ++written) {
        ASSERT_TRUE(line.starts_with("- - - [") && line.ends_with("request_id=\"-\"")) << line;
    }
    EXPECT_EQ(written + dropped, kLines);
}

TEST_F(AccessLogTest, DropsALineThatNeverFits) {
    auto log = *AccessLog::open(path(), AccessFormat::json, 1, 4096);
    log->sink(0).write(record(std::string(1 << 16, 'x')));
    EXPECT_EQ(log->dropped(), 1U);
    log->sink(0).write(record("/after"));
    EXPECT_TRUE(eventually([&] { return lines(path()).size() == 1; }));
}

TEST_F(AccessLogTest, ReopenLeavesEarlierLinesInTheOldFile) {
    auto log = *AccessLog::open(path(), AccessFormat::json, 1, 1 << 20);
    for (int i = 0; i < 100; ++i)
        log->sink(0).write(record("/old"));
    fs::rename(path(), path("access.log.1"));
    log->reopen();
    ASSERT_TRUE(eventually([&] { return fs::exists(path()); }));
    EXPECT_EQ(lines(path("access.log.1")).size(), 100U);
    log->sink(0).write(record("/new"));
    ASSERT_TRUE(eventually([&] { return lines(path()).size() == 1; }));
    EXPECT_EQ(target_of(lines(path())[0]), "/new");
    EXPECT_EQ(lines(path("access.log.1")).size(), 100U);
}

TEST_F(AccessLogTest, AFailedReopenKeepsTheOldFile) {
    fs::create_directory(folder_ / "logs");
    auto log = *AccessLog::open(path("logs/access.log"), AccessFormat::json, 1, 1 << 20);
    fs::rename(folder_ / "logs", folder_ / "moved");
    log->reopen();
    log->sink(0).write(record("/still"));
    EXPECT_TRUE(eventually([&] { return lines(path("moved/access.log")).size() == 1; }));
    EXPECT_FALSE(fs::exists(folder_ / "logs"));
}

TEST_F(AccessLogTest, AFullDiskCostsLinesAndNothingElse) {
    auto log = *AccessLog::open("/dev/full", AccessFormat::json, 1, 4096);
    for (int i = 0; i < 1000; ++i)
        log->sink(0).write(record("/x"));
    EXPECT_GT(log->dropped(), 900U);
    log->reopen();
}

TEST_F(AccessLogTest, AReaderThatLeavesCostsLinesAndNothingElse) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const int reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(reader, 0);
    auto log = *AccessLog::open(path("pipe"), AccessFormat::json, 1, 4096);
    std::string text;
    log->sink(0).write(record("/through"));
    EXPECT_TRUE(eventually([&] {
        char buffer[4096];
        const ssize_t count = ::read(reader, buffer, sizeof(buffer));
        if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
        return !text.empty() && text.back() == '\n';
    }));
    EXPECT_EQ(target_of(text), "/through");
    ::close(reader);
    // Nobody reads any more: EPIPE, not SIGPIPE.
    for (int i = 0; i < 1000; ++i)
        log->sink(0).write(record("/lost"));
    EXPECT_GT(log->dropped(), 900U);
    log.reset();
}

TEST_F(AccessLogTest, ANamedPipeWithoutAReaderIsRefused) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    EXPECT_FALSE(AccessLog::open(path("pipe"), AccessFormat::json, 1, 4096));
}

TEST_F(AccessLogTest, WritesToStandardOutput) {
    testing::internal::CaptureStdout();
    { (*AccessLog::open("-", AccessFormat::json, 1, 4096))->sink(0).write(record("/out")); }
    EXPECT_EQ(target_of(testing::internal::GetCapturedStdout()), "/out");
}

}  // namespace
}  // namespace switchyard::observe
