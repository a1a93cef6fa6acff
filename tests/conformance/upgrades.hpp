#pragma once

#include "integration/transport.hpp"
#include "support/raw_origin.hpp"
#include "support/tunnel_end.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <openssl/evp.h>

/// What tests of upgrades share: an origin that is written octet by octet.
namespace switchyard::test {

/// The value of a field in a head, as text; empty: it has none.
inline std::string value_of(std::string_view head, std::string_view name) {
    const std::string mark = "\r\n" + std::string(name) + ": ";
    const auto at = head.find(mark);
    if (at == std::string_view::npos) return {};
    const auto begin = at + mark.size();
    return std::string(head.substr(begin, head.find("\r\n", begin) - begin));
}

/// Base64 of the SHA-1 that RFC 6455 §4.2.2 asks for.
inline std::string accept_for(const std::string& key) {
    const std::string whole = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(whole.data(), whole.size(), digest, &size, EVP_sha1(), nullptr);
    unsigned char text[64];
    const int length = EVP_EncodeBlock(text, digest, static_cast<int>(size));
    return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)};
}

/// What accepts the WebSocket that this head asks for.
inline std::string switching_for(const std::string& head, const std::string& more = {}) {
    return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Accept: " +
           accept_for(value_of(head, "Sec-WebSocket-Key")) + "\r\n" + more + "\r\n";
}

/// A socket of an origin; everything that it reads waits for as long as a test may take.
class Peer {
  public:
    Peer(int fd, std::string read) : fd_(fd), read_(std::move(read)) {}

    bool send(std::string_view octets) const { return RawOrigin::send_all(fd_, octets); }
    void shutdown_write() const { ::shutdown(fd_, SHUT_WR); }
    /// Exactly so many octets; fewer when the end comes before.
    std::string read(std::size_t size) {
        while (read_.size() < size && fill()) {
        }
        const std::string out = read_.substr(0, size);
        read_.erase(0, size);
        return out;
    }
    std::string read_to_end() {
        while (fill()) {
        }
        return std::exchange(read_, {});
    }
    [[nodiscard]] int fd() const noexcept { return fd_; }

  private:
    bool fill() {
        char buffer[16 * 1024];
        const auto got = ::recv(fd_, buffer, sizeof buffer, 0);
        if (got > 0) read_.append(buffer, static_cast<std::size_t>(got));
        return got > 0;
    }
    int fd_;
    std::string read_;
};

/// Says something once.
class Signal {
  public:
    void set(std::string text = {}) {
        const std::lock_guard lock(mutex_);
        text_ = std::move(text);
        set_ = true;
        changed_.notify_all();
    }
    /// Empty also when it did not come.
    std::string wait(milliseconds limit = kPatience) {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, limit, [this] { return set_; })) << "not said";
        return text_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool set_ = false;
    std::string text_;
};

/// TransportDoor, with blue being such an origin.
class Upgrades : public TransportDoor {
  protected:
    /// What a client gets that asks for a tunnel.
    struct Asked {
        TunnelEnd end;
        Response head;
    };
    /// Gets a request's head, and the connection.
    using Answer = std::function<void(const std::string& head, Peer& peer)>;

    void start_with(Answer answer, std::string_view service = {}, std::string_view top = {}) {
        origin_ = std::make_unique<RawOrigin>([answer = std::move(answer)](int fd) {
            std::string read;
            for (;;) {
                std::size_t end = 0;
                while ((end = read.find("\r\n\r\n")) == std::string::npos) {
                    char buffer[16 * 1024];
                    const auto got = ::recv(fd, buffer, sizeof buffer, 0);
                    if (got <= 0) return;
                    read.append(buffer, static_cast<std::size_t>(got));
                }
                const std::string head = read.substr(0, end + 4);
                Peer peer(fd, read.substr(end + 4));
                read.clear();
                if (head.starts_with("GET /up ")) {
                    if (!peer.send(kHealthy)) return;
                } else {
                    answer(head, peer);
                }
            }
        });
        auto yaml = config(service, top);
        const auto& blue = origin(Colour::blue).address();
        yaml.replace(yaml.find(blue), blue.size(), origin_->address());
        start_wire_as(yaml);
    }

    static std::string asking(std::string_view protocol = "websocket") {
        return request_text("GET", "/tunnel",
                            {{"Connection", "keep-alive, Upgrade"},
                             {"Upgrade", std::string(protocol)},
                             {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                             {"Sec-WebSocket-Version", "13"}});
    }
    /// The same over HTTP/2 (RFC 8441 §4).
    static Fields extended(std::string_view protocol = "websocket", const Fields& more = {}) {
        Fields fields = h2_request("CONNECT", "/tunnel", {{":protocol", std::string(protocol)}});
        fields.emplace_back("sec-websocket-version", "13");
        fields.insert(fields.end(), more.begin(), more.end());
        return fields;
    }
    /// Asks in the way of the test, with octets of the tunnel right behind.
    [[nodiscard]] Asked ask_for_tunnel(std::string_view protocol, std::string_view early) const {
        if (!over_http2()) {
            auto client = knock();
            client.send(asking(protocol) + std::string(early));
            Response head = read_head(client);
            return {TunnelEnd(std::move(client)), std::move(head)};
        }
        H2Client client(knock());
        const auto stream = client.open(extended(protocol), false);
        if (!early.empty()) client.send_data(stream, early);
        Response head = client.wait_head(stream).response;
        head.body.clear();
        return {TunnelEnd(std::move(client), stream), std::move(head)};
    }
    /// A tunnel that the origin has accepted.
    [[nodiscard]] TunnelEnd tunnel(std::string_view protocol = "websocket") const {
        Asked asked = ask_for_tunnel(protocol, {});
        EXPECT_EQ(asked.head.status, over_http2() ? 200 : 101);
        return std::move(asked.end);
    }
    [[nodiscard]] std::int64_t tunnels() const {
        return admin()
            .service("app")
            .at("slots")
            .at("blue")
            .at("tunnels")
            .to_number<std::int64_t>();
    }
    [[nodiscard]] AdminStream switching(std::string_view more) const {
        return AdminStream(admin().socket(), "POST", "/v1/services/app/switch",
                           R"({"to":"green",)" + std::string(more) + "}");
    }

    // What a test shares with its origin, whose threads end with it: later than the test's body.
    std::mutex mutex_;
    std::vector<std::string> heads_;
    std::vector<int> sockets_;
    std::string reply_;
    std::atomic<std::size_t> sent_{0};
    Signal go_;
    Signal end_;

  private:
    std::unique_ptr<RawOrigin> origin_;
};

}  // namespace switchyard::test
