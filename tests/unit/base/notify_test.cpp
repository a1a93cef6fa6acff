#include "base/notify.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard {
namespace {

using namespace std::chrono_literals;

/// A service manager's socket.
class Receiver {
  public:
    explicit Receiver(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name[0] == '@') address.sun_path[0] = '\0';
        const std::size_t size = offsetof(sockaddr_un, sun_path) + name.size();
        EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address),
                         static_cast<socklen_t>(size)),
                  0);
        const timeval patience{5, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    }
    ~Receiver() { ::close(socket_); }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    std::string next() {
        char buffer[4096];
        const ssize_t count = ::recv(socket_, buffer, sizeof(buffer), 0);
        return count < 0 ? "nothing came" : std::string(buffer, static_cast<std::size_t>(count));
    }

  private:
    int socket_;
};

class NotifierTest : public testing::Test {
  protected:
    NotifierTest() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "switchyard-notify-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
    }
    ~NotifierTest() override {
        std::filesystem::remove_all(folder_);
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
    }
    [[nodiscard]] std::string path() const { return (folder_ / "notify").string(); }

    std::filesystem::path folder_;
};

TEST_F(NotifierTest, SaysWhatHappens) {
    Receiver manager(path());
    Notifier notifier(path());
    EXPECT_TRUE(notifier.ready("serving"));
    EXPECT_EQ(manager.next(), "READY=1\nSTATUS=serving");
    EXPECT_TRUE(notifier.ready());
    EXPECT_EQ(manager.next(), "READY=1");
    EXPECT_TRUE(notifier.stopping("draining"));
    EXPECT_EQ(manager.next(), "STOPPING=1\nSTATUS=draining");
    EXPECT_TRUE(notifier.watchdog());
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    EXPECT_TRUE(notifier.extend_timeout(30s));
    EXPECT_EQ(manager.next(), "EXTEND_TIMEOUT_USEC=30000000");
    EXPECT_TRUE(notifier.status("app: blue"));
    EXPECT_EQ(manager.next(), "STATUS=app: blue");
}

TEST_F(NotifierTest, AReloadCarriesTheMonotonicTime) {
    Receiver manager(path());
    Notifier notifier(path());
    const auto microseconds = [] {
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
    };
    const auto before = microseconds();
    EXPECT_TRUE(notifier.reloading());
    const auto after = microseconds();
    const std::string message = manager.next();
    const std::string prefix = "RELOADING=1\nMONOTONIC_USEC=";
    ASSERT_TRUE(message.starts_with(prefix)) << message;
    const long long said = std::stoll(message.substr(prefix.size()));
    EXPECT_GE(said, before);
    EXPECT_LE(said, after);
}

TEST_F(NotifierTest, AStatusCannotAddAssignments) {
    Receiver manager(path());
    Notifier notifier(path());
    EXPECT_TRUE(notifier.status("bad\nSTOPPING=1"));
    EXPECT_EQ(manager.next(), "STATUS=bad STOPPING=1");
}

TEST_F(NotifierTest, ReachesAnAbstractSocket) {
    const std::string name = "@switchyard-notify-test-" + std::to_string(::getpid());
    Receiver manager(name);
    Notifier notifier(name);
    EXPECT_TRUE(notifier.ready());
    EXPECT_EQ(manager.next(), "READY=1");
}

TEST_F(NotifierTest, FindsItsSocketInTheEnvironment) {
    Receiver manager(path());
    ::setenv("NOTIFY_SOCKET", path().c_str(), 1);
    Notifier notifier = Notifier::from_environment();
    EXPECT_TRUE(notifier.enabled());
    EXPECT_TRUE(notifier.ready());
    EXPECT_EQ(manager.next(), "READY=1");
}

TEST_F(NotifierTest, DoesNothingWithoutAServiceManager) {
    Notifier notifier = Notifier::from_environment();
    EXPECT_FALSE(notifier.enabled());
    EXPECT_TRUE(notifier.ready("x"));
    EXPECT_TRUE(notifier.watchdog());
}

TEST_F(NotifierTest, ReportsASocketThatIsNotThere) {
    Notifier notifier(path());
    const auto sent = notifier.ready();
    ASSERT_FALSE(sent);
    EXPECT_THAT(sent.error().message, testing::HasSubstr(path()));
    EXPECT_FALSE(Notifier("relative/path").ready());
    EXPECT_FALSE(Notifier("/" + std::string(200, 'x')).ready());
}

TEST_F(NotifierTest, TheWatchdogIsDueAtHalfItsTime) {
    EXPECT_EQ(Notifier::from_environment().watchdog_interval(), std::nullopt);
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    EXPECT_EQ(Notifier::from_environment().watchdog_interval(), 15s);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    EXPECT_EQ(Notifier::from_environment().watchdog_interval(), 15s);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid() + 1).c_str(), 1);
    EXPECT_EQ(Notifier::from_environment().watchdog_interval(), std::nullopt);
    ::unsetenv("WATCHDOG_PID");
    for (const char* bad : {"", "0", "-5", "3s", "99999999999999999999"}) {
        ::setenv("WATCHDOG_USEC", bad, 1);
        EXPECT_EQ(Notifier::from_environment().watchdog_interval(), std::nullopt) << bad;
    }
}

}  // namespace
}  // namespace switchyard
