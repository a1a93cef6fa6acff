#pragma once

#include "support/h2_client.hpp"
#include "support/raw_origin.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace switchyard::test {

/// One connection to an origin that speaks HTTP/2 as a test wants it: frames are sent as they are
/// given, and every frame that comes is kept. On the origin's thread.
class H2OriginConnection {
  public:
    H2OriginConnection(int fd, int number) : fd_(fd), number_(number) {
        nghttp2_hd_inflate_new(&inflater_);
    }
    ~H2OriginConnection() { nghttp2_hd_inflate_del(inflater_); }
    H2OriginConnection(const H2OriginConnection&) = delete;
    H2OriginConnection& operator=(const H2OriginConnection&) = delete;

    struct Request {
        std::uint32_t stream = 0;
        Fields fields;
        bool ended = false;  ///< END_STREAM came with the head.
        [[nodiscard]] std::string value(std::string_view name) const {
            for (const auto& [field, content] : fields) {
                if (field == name) return content;
            }
            return {};
        }
        [[nodiscard]] std::string path() const { return value(":path"); }
    };

    /// Counted from 1, health checks left out.
    [[nodiscard]] int number() const noexcept { return number_; }
    void set_number(int number) noexcept { number_ = number; }

    bool send(std::string_view octets) const { return RawOrigin::send_all(fd_, octets); }
    void answer(std::uint32_t stream, const Fields& fields, bool ends = true) const {
        const auto flags = static_cast<std::uint8_t>(kEndHeaders | (ends ? kEndStream : 0));
        send(frame(FrameType::headers, flags, stream, header_block(fields)));
    }
    void answer_with(std::uint32_t stream, std::string_view body, const Fields& more = {}) const {
        Fields fields = {{":status", "200"}, {"content-length", std::to_string(body.size())}};
        fields.insert(fields.end(), more.begin(), more.end());
        answer(stream, fields, false);
        data(stream, body, true);
    }
    void data(std::uint32_t stream, std::string_view octets, bool ends = false) const {
        send(frame(FrameType::data, ends ? kEndStream : 0, stream, octets));
    }
    void goaway(std::uint32_t last, H2Code code = H2Code::no_error) const {
        send(frame(FrameType::goaway, 0, 0,
                   big_endian(last, 4) + big_endian(static_cast<std::uint32_t>(code), 4)));
    }

    /// Reads the preface.
    [[nodiscard]] bool begins() {
        std::string preface(kH2Preface.size(), '\0');
        return read(preface) && preface == kH2Preface;
    }
    /// The next frame; none when the connection is over.
    std::optional<Frame> next_frame() {
        std::string head(9, '\0');
        if (!read(head)) return std::nullopt;
        const auto octet = [&head](std::size_t i) {
            return static_cast<std::uint32_t>(static_cast<unsigned char>(head[i]));
        };
        Frame out;
        out.payload.resize(octet(0) << 16U | octet(1) << 8U | octet(2));
        out.type = static_cast<FrameType>(head[3]);
        out.flags = static_cast<std::uint8_t>(octet(4));
        out.stream = octet(5) << 24U | octet(6) << 16U | octet(7) << 8U | octet(8);
        if (!out.payload.empty() && !read(out.payload)) return std::nullopt;
        return out;
    }
    /// Reads until a head has come; none when the connection is over. Acknowledges on the way.
    std::optional<Request> next_request() {
        while (auto got = next_frame()) {
            if (got->type == FrameType::headers) {
                return Request{got->stream, decode(got->payload), got->has(kEndStream)};
            }
            handle(*got);
        }
        return std::nullopt;
    }
    /// Reads the rest of a request's body.
    std::string rest_of(const Request& request) {
        std::string body;
        if (request.ended) return body;
        while (auto got = next_frame()) {
            if (got->type == FrameType::data) {
                body += got->payload;
                if (gives_windows && !got->payload.empty()) {
                    const auto size = static_cast<std::uint32_t>(got->payload.size());
                    send(window_update(0, size) + window_update(request.stream, size));
                }
            } else {
                handle(*got);
            }
            if (got->stream == request.stream && got->has(kEndStream)) break;
        }
        return body;
    }
    void handle(const Frame& got) {
        frames.push_back(got);
        if (got.has(kAck) || !acknowledges) return;
        if (got.type == FrameType::settings) send(frame(FrameType::settings, kAck, 0));
        if (got.type == FrameType::ping) send(frame(FrameType::ping, kAck, 0, got.payload));
    }
    Fields decode(std::string_view block) {
        Fields fields;
        const auto* in = reinterpret_cast<const std::uint8_t*>(block.data());
        std::size_t left = block.size();
        for (;;) {
            nghttp2_nv pair;
            int flags = 0;
            const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &pair, &flags, in, left, 1);
            if (used < 0) break;
            in += used;
            left -= static_cast<std::size_t>(used);
            if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
                fields.emplace_back(
                    std::string(reinterpret_cast<char*>(pair.name), pair.namelen),
                    std::string(reinterpret_cast<char*>(pair.value), pair.valuelen));
            }
            if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
            if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) break;
        }
        nghttp2_hd_inflate_end_headers(inflater_);
        return fields;
    }

    std::vector<Frame> frames;  ///< That no call above was looking for.
    bool acknowledges = true;   ///< SETTINGS and PING.
    bool gives_windows = true;

  private:
    bool read(std::string& into) const {
        return ::recv(fd_, into.data(), into.size(), MSG_WAITALL) ==
               static_cast<ssize_t>(into.size());
    }

    int fd_;
    int number_;
    nghttp2_hd_inflater* inflater_ = nullptr;
};

/// An origin that speaks HTTP/2 without TLS. Answers health checks (/up) itself, on connections of
/// their own; each other connection's requests go to a function.
class RawH2Origin {
  public:
    using Request = H2OriginConnection::Request;
    /// False: the connection is over.
    using Handler = std::function<bool(H2OriginConnection&, const Request&)>;

    /// `settings`: the payload of the origin's SETTINGS.
    explicit RawH2Origin(Handler handler, std::string settings = {})
        : handler_(std::move(handler)), settings_(std::move(settings)) {}

    [[nodiscard]] std::string address() const { return origin_.address(); }
    /// Connections that carried a request, so far.
    [[nodiscard]] int connections() const noexcept { return connections_; }
    [[nodiscard]] int requests() const noexcept { return requests_; }

  private:
    void serve(int fd) {
        H2OriginConnection connection(fd, 0);
        if (!connection.begins()) return;
        connection.send(frame(FrameType::settings, 0, 0, settings_));
        while (const auto request = connection.next_request()) {
            if (request->path() == "/up") {
                connection.answer(request->stream, {{":status", "200"}});
                continue;
            }
            if (connection.number() == 0) connection.set_number(++connections_);
            ++requests_;
            if (!handler_(connection, *request)) break;
        }
        ::shutdown(fd, SHUT_RDWR);
    }

    Handler handler_;
    std::string settings_;
    std::atomic<int> connections_{0};
    std::atomic<int> requests_{0};
    RawOrigin origin_{[this](int fd) { serve(fd); }};
};

}  // namespace switchyard::test
