// A session against nghttp2's client, and what only a look at single writes can show.
#include "h2/server_session.hpp"

#include "unit/h2/session_host.hpp"
#include "unit/net/support.hpp"

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

namespace switchyard::h2 {
namespace {

using http::Chunk;
using http::Fault;
using net::EventLoop;

/// A HEADERS frame: POST or GET of "/" on localhost, from the static table (RFC 7541).
std::string head_frame(char id, bool post) {
    std::string block(post ? "\x83\x86\x84\x41\x09" : "\x82\x86\x84\x41\x09");
    block += "localhost";
    std::string frame(9, '\0');
    frame[2] = static_cast<char>(block.size());
    frame[3] = 1;
    frame[4] = post ? 4 : 5;
    frame[8] = id;
    return frame + block;
}

/// Answers with what it was asked: the body of the request, or its target.
class Echo final : public http::Handler {
  public:
    Task<void> handle(http::Exchange& exchange) override {
        ++handled;
        http::OutgoingResponse head;
        head.framing = http::Framing::close;
        head.fields.push_back({http::FieldId::unknown, "X-Method", exchange.request().method});
        head.raw_lines = "X-Line: one\r\n";
        static const http::Fields none;
        http::Body& body = exchange.request_body();
        if (exchange.request().path == "/abort") {
            Chunk piece;
            piece.data = "half";
            Fault fault = co_await exchange.send_head(head, piece, none);
            faults.push_back(fault);
            exchange.abort();
            co_return;
        }
        Chunk piece;
        if (exchange.request().framing == http::Framing::none) {
            piece.data = exchange.request().target;
            piece.last = true;
        } else if (!body.try_next(piece)) {
            piece = co_await body.next();
        }
        if (piece.fault != Fault::none) {
            faults.push_back(piece.fault);
            exchange.abort();
            co_return;
        }
        Fault fault = co_await exchange.send_head(head, piece, body.trailers());
        while (fault == Fault::none && !piece.last) {
            if (!body.try_next(piece)) piece = co_await body.next();
            if (piece.fault != Fault::none) fault = piece.fault;
            if (fault == Fault::none) fault = co_await exchange.send_body(piece, body.trailers());
        }
        faults.push_back(fault);
        if (fault != Fault::none) exchange.abort();
    }
    Task<void> refuse(http::Exchange& exchange, unsigned status, std::string_view) override {
        ++refused;
        http::OutgoingResponse head;
        head.status = status;
        static const http::Fields none;
        Chunk nothing;
        nothing.last = true;
        const Fault fault = co_await exchange.send_head(head, nothing, none);
        faults.push_back(fault);
    }

    int handled = 0;
    int refused = 0;
    std::vector<Fault> faults;
};

/// nghttp2's own client on a blocking socket.
class LibraryClient {
  public:
    struct Answer {
        std::map<std::string, std::string> fields;
        std::string body;
        bool closed = false;
        std::uint32_t code = 0;
    };

    explicit LibraryClient(const net::test::Pair& pair) : pair_(pair) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_header_callback(
            callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                          std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                          std::uint8_t, void* user) {
                static_cast<LibraryClient*>(user)
                    ->answers[frame->hd.stream_id]
                    .fields[std::string(reinterpret_cast<const char*>(name), name_size)] =
                    std::string(reinterpret_cast<const char*>(value), value_size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                          std::size_t size, void* user) {
                static_cast<LibraryClient*>(user)->answers[id].body.append(
                    reinterpret_cast<const char*>(data), size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
                Answer& answer = static_cast<LibraryClient*>(user)->answers[id];
                answer.closed = true;
                answer.code = code;
                return 0;
            });
        nghttp2_session_client_new(&session_, callbacks, this);
        nghttp2_session_callbacks_del(callbacks);
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    }
    ~LibraryClient() { nghttp2_session_del(session_); }
    LibraryClient(const LibraryClient&) = delete;
    LibraryClient& operator=(const LibraryClient&) = delete;

    std::int32_t ask(const std::string& method, const std::string& path, std::string* body) {
        const auto pair = [](const char* name, const std::string& value) {
            return nghttp2_nv{reinterpret_cast<std::uint8_t*>(const_cast<char*>(name)),
                              reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                              std::char_traits<char>::length(name), value.size(),
                              NGHTTP2_NV_FLAG_NONE};
        };
        static const std::string scheme = "http";
        static const std::string authority = "localhost";
        const nghttp2_nv fields[] = {pair(":method", method), pair(":scheme", scheme),
                                     pair(":path", path), pair(":authority", authority)};
        nghttp2_data_provider provider{};
        provider.source.ptr = body;
        provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* to,
                                    std::size_t room, std::uint32_t* flags,
                                    nghttp2_data_source* source, void*) -> ssize_t {
            auto& rest = *static_cast<std::string*>(source->ptr);
            const std::size_t size = std::min(room, rest.size());
            std::copy_n(rest.data(), size, reinterpret_cast<char*>(to));
            rest.erase(0, size);
            if (rest.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
            return static_cast<ssize_t>(size);
        };
        return nghttp2_submit_request(session_, nullptr, fields, std::size(fields),
                                      body != nullptr ? &provider : nullptr, nullptr);
    }

    /// Until these streams are closed, or the connection is.
    void run_until_closed(const std::vector<std::int32_t>& ids) {
        const auto all = [&] {
            for (const auto id : ids) {
                if (!answers[id].closed) return false;
            }
            return true;
        };
        flush();
        char buffer[65536];
        while (!all()) {
            const auto size = ::recv(pair_.theirs(), buffer, sizeof buffer, 0);
            if (size <= 0) return;
            ASSERT_GE(
                nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(buffer),
                                         static_cast<std::size_t>(size)),
                0);
            flush();
        }
    }

    std::map<std::int32_t, Answer> answers;

  private:
    void flush() {
        for (;;) {
            const std::uint8_t* data = nullptr;
            const ssize_t size = nghttp2_session_mem_send(session_, &data);
            if (size <= 0) return;
            pair_.send({reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)});
        }
    }

    const net::test::Pair& pair_;
    nghttp2_session* session_ = nullptr;
};

/// A session on the loop of this thread, the client on another one.
class ServerSessionTest : public testing::Test {
  protected:
    void run(const std::function<void(net::test::Pair&)>& client) {
        EventLoop loop;
        net::test::Pair pair = net::test::Pair::tcp();
        net::Stream stream(loop);
        ASSERT_TRUE(stream.open(pair.take_ours()));
        session::ClientFacts facts{net::Address()};
        test::Host host(echo_);
        StreamStore store;
        {
            ServerSession session(stream, host, store, facts);
            std::thread thread([&] {
                client(pair);
                pair.shut();
            });
            net::test::run(loop, session.run());
            thread.join();
        }
        EXPECT_FALSE(stream.is_open());
    }
    Echo echo_;
};

TEST_F(ServerSessionTest, SpeaksWithTheLibrarysClient) {
    run([](net::test::Pair& pair) {
        LibraryClient client(pair);
        std::string body(300'000, 'b');
        const std::string expected = body;
        const auto get = client.ask("GET", "/path?query", nullptr);
        const auto post = client.ask("POST", "/", &body);
        const auto cut = client.ask("GET", "/abort", nullptr);
        client.run_until_closed({get, post, cut});
        EXPECT_EQ(client.answers[get].body, "/path?query");
        EXPECT_EQ(client.answers[get].fields["x-method"], "GET");
        EXPECT_EQ(client.answers[get].fields["x-line"], "one");
        EXPECT_EQ(client.answers[get].code, static_cast<unsigned>(NGHTTP2_NO_ERROR));
        EXPECT_EQ(client.answers[post].body, expected);
        EXPECT_EQ(client.answers[cut].code, static_cast<unsigned>(NGHTTP2_INTERNAL_ERROR));
    });
    EXPECT_EQ(echo_.handled, 3);
}

TEST_F(ServerSessionTest, AClientThatIsGoneEndsItsStreams) {
    run([](net::test::Pair& pair) {
        pair.send(test::kPreface);
        // A body that never ends.
        pair.send(head_frame(1, true));
        // It has read what there was when it has answered SETTINGS.
        EXPECT_FALSE(pair.receive(9).empty());
    });
    EXPECT_EQ(echo_.handled, 1);
    ASSERT_EQ(echo_.faults.size(), 1u);
    EXPECT_EQ(echo_.faults[0], Fault::reset);
}

TEST_F(ServerSessionTest, AnswersOfOneRoundGoOutInOneWrite) {
    int fds[2];
    // Of packets, so that every write shows.
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    net::test::make_nonblocking(fds[0]);
    EventLoop loop;
    net::Stream stream(loop);
    ASSERT_TRUE(stream.open(fds[0]));
    session::ClientFacts facts{net::Address()};
    test::Host host(echo_);
    StreamStore store;
    std::string first;
    std::string second;
    {
        ServerSession session(stream, host, store, facts);
        std::thread thread([&] {
            const auto packet = [&](const std::string& text) {
                EXPECT_EQ(::send(fds[1], text.data(), text.size(), MSG_NOSIGNAL),
                          static_cast<ssize_t>(text.size()));
            };
            const auto read = [&] {
                std::string text(65536, '\0');
                const auto size = ::recv(fds[1], text.data(), text.size(), 0);
                text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
                return text;
            };
            packet(std::string(test::kPreface));
            first = read();
            std::string requests;
            for (const char id : {'\1', '\3', '\5'})
                requests += head_frame(id, false);
            // The acknowledgement of SETTINGS may be a packet of its own.
            packet(requests);
            for (;;) {
                second = read();
                if (second.empty() || second[3] != 4) break;
            }
            ::shutdown(fds[1], SHUT_WR);
        });
        net::test::run(loop, session.run());
        thread.join();
    }
    ::close(fds[1]);
    int heads = 0;
    int bodies = 0;
    for (std::size_t at = 0; at + 9 <= second.size();) {
        const auto size =
            static_cast<std::size_t>(static_cast<unsigned char>(second[at + 1]) * 256 +
                                     static_cast<unsigned char>(second[at + 2]));
        heads += second[at + 3] == 1 ? 1 : 0;
        bodies += second[at + 3] == 0 ? 1 : 0;
        at += 9 + size;
    }
    EXPECT_EQ(heads, 3);
    EXPECT_EQ(bodies, 3);
}

}  // namespace
}  // namespace switchyard::h2
