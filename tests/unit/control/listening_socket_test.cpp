#include "control/listening_socket.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::control {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class ListeningSocketTest : public ::testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/switchyard-socket-XXXXXX";
        folder = ::mkdtemp(name);
        path = (folder / "admin.sock").string();
    }
    void TearDown() override { fs::remove_all(folder); }

    std::string error() {
        const auto socket = ListeningSocket::unix_socket(path, 0600);
        return socket ? "" : socket.error().message;
    }
    /// A socket file that nobody listens on.
    void leave_stale_socket() const {
        const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        ASSERT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ::close(descriptor);
    }

    fs::path folder;
    std::string path;
};

TEST_F(ListeningSocketTest, HasTheModeAndGoesWithItsOwner) {
    {
        const auto socket = ListeningSocket::unix_socket(path, 0640);
        ASSERT_TRUE(socket) << socket.error().message;
        struct stat found {};
        ASSERT_EQ(::stat(path.c_str(), &found), 0);
        EXPECT_TRUE(S_ISSOCK(found.st_mode));
        EXPECT_EQ(found.st_mode & 0777U, 0640U);
    }
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(ListeningSocketTest, ReplacesAStaleSocket) {
    leave_stale_socket();
    EXPECT_EQ(error(), "");
}

TEST_F(ListeningSocketTest, RefusesASocketThatAnotherDaemonHolds) {
    const auto first = ListeningSocket::unix_socket(path, 0600);
    ASSERT_TRUE(first);
    EXPECT_THAT(error(), HasSubstr(path));
    EXPECT_THAT(error(), HasSubstr("another daemon holds it"));
    EXPECT_TRUE(fs::exists(path));
}

TEST_F(ListeningSocketTest, NeverRemovesAFileOfAnotherKind) {
    std::ofstream(path) << "precious";
    EXPECT_THAT(error(), HasSubstr("not a socket"));
    EXPECT_TRUE(fs::exists(path));
}

TEST_F(ListeningSocketTest, LeavesTheSocketOfItsSuccessorAlone) {
    {
        const auto first = ListeningSocket::unix_socket(path, 0600);
        ASSERT_TRUE(first);
        fs::rename(path, path + ".old");
        leave_stale_socket();
    }
    EXPECT_TRUE(fs::exists(path));
}

TEST_F(ListeningSocketTest, SaysWhenThePathIsTooLongOrItsFolderIsMissing) {
    path = (folder / std::string(120, 'x')).string();
    EXPECT_THAT(error(), HasSubstr("1 to 107"));
    path = (folder / "missing" / "admin.sock").string();
    EXPECT_THAT(error(), HasSubstr("its folder must exist"));
}

TEST_F(ListeningSocketTest, TcpPortZeroTellsItsRealAddressAndATakenPortIsNamed) {
    const auto first = ListeningSocket::tcp("127.0.0.1:0", "admin.metrics");
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_THAT(first->address(), HasSubstr("127.0.0.1:"));
    EXPECT_THAT(first->address(), ::testing::Not(EndsWith(":0")));
    const auto second = ListeningSocket::tcp(first->address(), "admin.metrics");
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("admin.metrics " + first->address()));
    EXPECT_THAT(second.error().message, HasSubstr("another program listens there"));
}

TEST_F(ListeningSocketTest, WhatIsNoAddressIsRefused) {
    for (const char* text :
         {"", "9180", "localhost:9180", "127.0.0.1:", "127.0.0.1:99999", "::1"}) {
        EXPECT_FALSE(ListeningSocket::tcp(text, "admin.metrics")) << text;
    }
}

}  // namespace
}  // namespace switchyard::control
