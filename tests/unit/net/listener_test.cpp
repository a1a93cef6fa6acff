#include "net/listener.hpp"

#include "unit/net/support.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

config::Listener listener(const std::string& host, std::uint16_t port) {
    config::Listener made;
    made.host = host;
    made.port = port;
    made.address = (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' +
                   std::to_string(port);
    return made;
}

/// Closes sockets at the end of a test.
struct Sockets {
    explicit Sockets(std::vector<int> made) : all(std::move(made)) {}
    Sockets(const Sockets&) = delete;
    Sockets& operator=(const Sockets&) = delete;
    ~Sockets() {
        for (const int fd : all)
            ::close(fd);
    }
    std::vector<int> all;
};

TEST(BindListeners, PortZeroIsOnePortForAllWorkers) {
    auto made = bind_listeners(listener("127.0.0.1", 0), 4);
    ASSERT_TRUE(made) << made.error().message;
    const Sockets sockets(*made);
    ASSERT_EQ(sockets.all.size(), 4U);
    const auto first = local_address(sockets.all[0]);
    ASSERT_TRUE(first);
    EXPECT_NE(first->port(), 0);
    for (const int fd : sockets.all)
        EXPECT_EQ(local_address(fd)->port(), first->port());
}

TEST(BindListeners, SaysWhichPortIsInUse) {
    const Sockets first(bind_listeners(listener("127.0.0.1", 0), 2).value());
    const auto port = local_address(first.all[0])->port();
    // Although the sockets would share it.
    const auto second = bind_listeners(listener("127.0.0.1", port), 2);
    ASSERT_FALSE(second);
    const std::string& text = second.error().message;
    EXPECT_NE(text.find("127.0.0.1:" + std::to_string(port)), std::string::npos) << text;
    EXPECT_NE(text.find("in use"), std::string::npos) << text;
    EXPECT_NE(text.find("ss -ltnp"), std::string::npos) << text;
}

TEST(BindListeners, SaysThatNoInterfaceHasTheAddress) {
    const auto made = bind_listeners(listener("192.0.2.1", 0), 1);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message.find("192.0.2.1:0"), std::string::npos);
    EXPECT_NE(made.error().message.find("no interface"), std::string::npos);
}

TEST(BindListeners, RefusesWhatIsNoAddress) {
    EXPECT_FALSE(bind_listeners(listener("localhost", 0), 1));
}

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = make_address("127.0.0.1", port);
    if (::connect(fd, address->get(), address->size) != 0) {
        ::close(fd);
        return -1;
    }
    return fd;
}

TEST(Acceptor, TakesSeveralAtOnceInABurstButNeverAll) {
    EventLoop loop;
    const int fd = bind_listeners(listener("127.0.0.1", 0), 1).value().front();
    const auto port = local_address(fd)->port();
    constexpr std::size_t kClients = 64;
    std::vector<int> clients;
    for (std::size_t i = 0; i < kClients; ++i) {
        clients.push_back(connect_to(port));
        ASSERT_GE(clients.back(), 0);
    }
    std::size_t accepted = 0;
    Acceptor acceptor(loop, fd, [&](int socket, const Address&) {
        ++accepted;
        ::close(socket);
    });
    std::vector<std::size_t> rounds;
    const auto watch = [](EventLoop& on, const std::size_t& count,
                          std::vector<std::size_t>& into) -> Task<void> {
        while (count < kClients) {
            const std::size_t before = count;
            co_await on.yield();
            into.push_back(count - before);
        }
    };
    test::run(loop, watch(loop, accepted, rounds));
    EXPECT_EQ(accepted, kClients);
    // It begins with one, and the others of the loop get a turn in between.
    ASSERT_GT(rounds.size(), 4U);
    EXPECT_LE(rounds.size(), kClients / 2);
    EXPECT_EQ(rounds.front(), 1U);
    for (const std::size_t round : rounds)
        EXPECT_LE(round, 16U);
    for (const int client : clients)
        ::close(client);
}

TEST(Acceptor, HandsOverEachConnectionWithItsAddress) {
    EventLoop loop;
    const int fd = bind_listeners(listener("127.0.0.1", 0), 1).value().front();
    const auto port = local_address(fd)->port();
    std::vector<std::string> peers;
    Acceptor acceptor(loop, fd, [&](int socket, const Address& peer) {
        peers.push_back(peer.text());
        ::close(socket);
        if (peers.size() == 3) loop.stop();
    });
    std::vector<std::string> clients;
    std::vector<int> fds;
    for (int i = 0; i < 3; ++i) {
        fds.push_back(connect_to(port));
        ASSERT_GE(fds.back(), 0);
        clients.push_back(local_address(fds.back())->text());
    }
    loop.run();
    EXPECT_EQ(peers, clients);
    for (const int client : fds)
        ::close(client);
}

TEST(Acceptor, TakesWhoIsWaitingBeforeItCloses) {
    EventLoop loop;
    const int fd = bind_listeners(listener("127.0.0.1", 0), 1).value().front();
    const auto port = local_address(fd)->port();
    int accepted = 0;
    Acceptor acceptor(loop, fd, [&](int socket, const Address&) {
        ++accepted;
        ::close(socket);
    });
    std::vector<int> fds;
    for (int i = 0; i < 5; ++i)
        fds.push_back(connect_to(port));
    acceptor.close();
    EXPECT_EQ(accepted, 5);
    EXPECT_EQ(connect_to(port), -1);
    EXPECT_EQ(errno, ECONNREFUSED);
    for (const int client : fds)
        ::close(client);
}

}  // namespace
}  // namespace switchyard::net
