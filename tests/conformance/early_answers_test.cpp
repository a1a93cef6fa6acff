// An origin that answers and then reads no further, with more of the request on its way than
// sockets take: its answer is passed on all the same. Plain only: what is read at once over TLS is
// one record, and sockets take that.
#include "integration/harness.hpp"
#include "support/raw_origin.hpp"

#include <csignal>

namespace switchyard::test {
namespace {

class EarlyAnswers : public FrontDoor {};

/// Says no to a POST when its first octets are here, and never reads again.
void say_no(int fd) {
    char method[4] = {};
    if (::recv(fd, method, sizeof method, MSG_WAITALL) != sizeof method) return;
    const bool post = std::string_view(method, sizeof method) == "POST";
    RawOrigin::send_all(
        fd, post ? "HTTP/1.1 413 Too Much\r\nX-Deaf: yes\r\nContent-Length: 0\r\n\r\n" : kHealthy);
}

TEST_F(EarlyAnswers, AreSeenWhileTheFirstPieceOfTheRequestIsBeingSent) {
    const RawOrigin deaf(say_no, RawOrigin::Buffers::least);
    auto yaml = config("    timeouts: {request_write: 10m, response_head: 10m}\n");
    const auto& blue = origin(Colour::blue).address();
    yaml.replace(yaml.find(blue), blue.size(), deaf.address());
    yaml.replace(yaml.find("interval: 50ms"), 14, "interval: 10m");
    start(yaml);
    auto client = connect();
    // All of it is there when the daemon looks: what it reads together with the head is more than
    // the origin's socket takes.
    daemon().signal(SIGSTOP);
    client.send(request_text("POST", "/", {{"Content-Length", "50000000"}}) +
                std::string(60'000, 'x'));
    daemon().signal(SIGCONT);
    const auto response = read_response(client, "POST");
    EXPECT_EQ(response.status, 413);
    EXPECT_EQ(response.field("X-Deaf"), "yes");
}

}  // namespace
}  // namespace switchyard::test
