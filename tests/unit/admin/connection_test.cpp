#include "admin/connection.hpp"

#include "unit/admin/fake_daemon.hpp"

#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>

#include <gmock/gmock.h>

/// Why there is no connection, in words that help.
namespace switchyard::admin {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

Failure failure_of(const std::string& socket, std::chrono::milliseconds timeout = 5s) {
    auto connection = Connection::open(socket, timeout);
    EXPECT_FALSE(connection.has_value());
    return connection ? Failure{} : connection.error();
}

TEST(Connection, NamesAMissingSocket) {
    const SocketFolder folder;
    const Failure failure = failure_of(folder.socket);
    EXPECT_EQ(failure.kind, Failure::Kind::unreachable);
    EXPECT_THAT(failure.message, AllOf(HasSubstr("There is no socket"), HasSubstr(folder.socket)));
    EXPECT_THAT(failure.hint, HasSubstr("SWITCHYARD_SOCKET"));
}

TEST(Connection, NamesASocketThatNobodyListensOn) {
    const SocketFolder folder;
    ::close(folder.listen(1));
    EXPECT_THAT(failure_of(folder.socket).message, HasSubstr("Nobody listens on"));
}

TEST(Connection, NamesAFileThatIsNoSocket) {
    const SocketFolder folder;
    std::ofstream(folder.socket) << "x";
    EXPECT_THAT(failure_of(folder.socket).message, HasSubstr("is not a socket"));
}

TEST(Connection, NamesAPathThatIsTooLong) {
    EXPECT_THAT(failure_of("/tmp/" + std::string(200, 'x')).message, HasSubstr("107 bytes"));
    EXPECT_THAT(failure_of("").message, HasSubstr("is empty"));
}

TEST(Connection, SaysWhoMayUseTheSocket) {
    const SocketFolder folder;
    const int fd = folder.listen(1);
    ASSERT_EQ(::chmod(folder.folder.c_str(), 0755), 0);
    ASSERT_EQ(::chmod(folder.socket.c_str(), 0600), 0);
    const pid_t child = ::fork();
    if (child == 0) {  // Root may connect to anything.
        if (::geteuid() != 0) ::chmod(folder.socket.c_str(), 0000);
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(1);
        const auto connection = Connection::open(folder.socket, 5s);
        if (connection) ::_exit(2);
        const Failure& failure = connection.error();
        const bool told = failure.message.find("You may not use") != std::string::npos &&
                          failure.message.find("mode 0") != std::string::npos &&
                          failure.hint.find("sudo") != std::string::npos;
        ::_exit(told ? 0 : 3);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ::close(fd);
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(Connection, GivesUpOnADaemonThatDoesNotAccept) {
    const SocketFolder folder;
    const int listener = folder.listen(0);
    std::vector<int> queued;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, folder.socket.data(), folder.socket.size());
    for (;;) {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        queued.push_back(fd);
        if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) break;
    }
    const Failure failure = failure_of(folder.socket, 30ms);
    EXPECT_EQ(failure.kind, Failure::Kind::unreachable);
    EXPECT_THAT(failure.message, HasSubstr("did not take a connection"));
    for (const int fd : queued)
        ::close(fd);
    ::close(listener);
}

}  // namespace
}  // namespace switchyard::admin
