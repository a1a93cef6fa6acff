#include "support/h2_client.hpp"

#include <algorithm>

#include <nghttp2/nghttp2.h>

namespace switchyard::test {
namespace {

constexpr std::size_t kFrameHead = 9;
constexpr std::size_t kMaxFrame = 16384;

std::uint64_t number(std::string_view octets) {
    std::uint64_t value = 0;
    for (const char c : octets)
        value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

void append_length(std::string& out, std::size_t size) {
    // RFC 7541 §5.1, seven bits of prefix.
    if (size < 127) {
        out += static_cast<char>(size);
        return;
    }
    out += static_cast<char>(127);
    for (size -= 127; size >= 128; size >>= 7)
        out += static_cast<char>(128 | (size & 127));
    out += static_cast<char>(size);
}

}  // namespace

std::string big_endian(std::uint64_t number, int bytes) {
    std::string out;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        out += static_cast<char>(number >> shift & 255);
    return out;
}

std::string frame(FrameType type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
    std::string out = big_endian(payload.size(), 3);
    out += static_cast<char>(type);
    out += static_cast<char>(flags);
    out += big_endian(stream, 4);
    out += payload;
    return out;
}

std::string setting(std::uint16_t id, std::uint32_t value) {
    return big_endian(id, 2) + big_endian(value, 4);
}

std::string window_update(std::uint32_t stream, std::uint32_t more) {
    return frame(FrameType::window_update, 0, stream, big_endian(more, 4));
}

std::string rst_stream(std::uint32_t stream, H2Code code) {
    return frame(FrameType::rst_stream, 0, stream, big_endian(static_cast<std::uint32_t>(code), 4));
}

std::string header_block(const Fields& fields) {
    std::string out;
    for (const auto& [name, value] : fields) {
        out += '\0';
        append_length(out, name.size());
        out += name;
        append_length(out, value.size());
        out += value;
    }
    return out;
}

Fields h2_request(std::string_view method, std::string_view path, const Fields& more,
                  std::string_view authority, std::string_view scheme) {
    Fields fields = {{":method", std::string(method)},
                     {":scheme", std::string(scheme)},
                     {":path", std::string(path)},
                     {":authority", std::string(authority)}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
}

struct H2Client::Inflater {
    nghttp2_hd_inflater* state = nullptr;
    Inflater() { nghttp2_hd_inflate_new(&state); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { nghttp2_hd_inflate_del(state); }

    Fields decode(std::string_view block) {
        Fields fields;
        const auto* in = reinterpret_cast<const std::uint8_t*>(block.data());
        std::size_t left = block.size();
        for (;;) {
            nghttp2_nv pair;
            int flags = 0;
            const ssize_t used = nghttp2_hd_inflate_hd2(state, &pair, &flags, in, left, 1);
            if (used < 0) throw ProtocolError("a header block that can't be decoded");
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
        nghttp2_hd_inflate_end_headers(state);
        return fields;
    }
};

H2Client::H2Client(Client client, std::string_view settings)
    : client_(std::move(client)), inflater_(std::make_unique<Inflater>()) {
    client_.send(std::string(kH2Preface) + frame(FrameType::settings, 0, 0, settings));
}
H2Client::~H2Client() = default;
H2Client::H2Client(H2Client&&) noexcept = default;

std::uint32_t H2Client::open(const Fields& fields, bool end_stream) {
    const auto id = next_stream();
    const std::uint8_t flags = end_stream ? kEndHeaders | kEndStream : kEndHeaders;
    client_.send(frame(FrameType::headers, flags, id, header_block(fields)));
    return id;
}

void H2Client::send_data(std::uint32_t stream, std::string_view octets, bool end_stream) {
    do {
        const auto part = octets.substr(0, kMaxFrame);
        octets.remove_prefix(part.size());
        const bool last = end_stream && octets.empty();
        client_.send(frame(FrameType::data, last ? kEndStream : 0, stream, part));
    } while (!octets.empty());
}

bool H2Client::read_frame(Deadline deadline) {
    const auto have = [&](std::size_t bytes) {
        while (client_.buffered().size() < bytes) {
            try {
                if (!client_.read_more(deadline)) return false;
            } catch (const ClientError& error) {
                if (error.kind == ClientError::Kind::timeout) throw;
                return false;
            }
        }
        return true;
    };
    if (!have(kFrameHead)) return false;
    const std::string_view head = client_.buffered().substr(0, kFrameHead);
    const auto size = static_cast<std::size_t>(number(head.substr(0, 3)));
    Frame frame;
    frame.type = static_cast<FrameType>(head[3]);
    frame.flags = static_cast<std::uint8_t>(head[4]);
    frame.stream = static_cast<std::uint32_t>(number(head.substr(5, 4)));
    if (size > kMaxFrame) throw ProtocolError("a frame larger than SETTINGS_MAX_FRAME_SIZE");
    if (!have(kFrameHead + size)) return false;
    frame.payload = client_.buffered().substr(kFrameHead, size);
    client_.consume(kFrameHead + size);
    take(std::move(frame));
    return true;
}

void H2Client::take(Frame frame) {
    if (!block_.empty() || block_head_.stream != 0) {
        if (frame.type != FrameType::continuation || frame.stream != block_head_.stream) {
            throw ProtocolError("a header block that is interrupted");
        }
    }
    if (frame.stream == 0) {
        if (frame.type == FrameType::settings && !frame.has(kAck)) {
            for (std::size_t at = 0; at + 6 <= frame.payload.size(); at += 6) {
                settings_[static_cast<std::uint16_t>(number(frame.payload.substr(at, 2)))] =
                    static_cast<std::uint32_t>(number(frame.payload.substr(at + 2, 4)));
            }
            if (acknowledges) client_.send(test::frame(FrameType::settings, kAck, 0));
        } else if (frame.type == FrameType::ping && frame.has(kAck)) {
            if (frame.payload == big_endian(pings_, 8)) pongs_ = pings_;
        } else if (frame.type == FrameType::ping && acknowledges) {
            client_.send(test::frame(FrameType::ping, kAck, 0, frame.payload));
        } else if (frame.type == FrameType::goaway) {
            goaways_.push_back({static_cast<std::uint32_t>(number(frame.payload.substr(0, 4))),
                                static_cast<H2Code>(number(frame.payload.substr(4, 4))),
                                frame.payload.substr(8)});
        }
        connection_frames_.push_back(std::move(frame));
        return;
    }
    H2Answer& answer = answers_[frame.stream];
    if (answer.ended && frame.type != FrameType::rst_stream &&
        frame.type != FrameType::window_update) {
        throw ProtocolError("a frame after the end of its stream");
    }
    switch (frame.type) {
        case FrameType::headers:
        case FrameType::continuation:
            if (frame.type == FrameType::headers) block_head_ = frame;
            block_ += frame.payload;
            if (frame.has(kEndHeaders)) {
                take_headers(answer, block_head_);
                block_.clear();
                block_head_ = {};
            }
            break;
        case FrameType::data:
            if (!answer.has_head) throw ProtocolError("DATA before the head");
            if (keeps_bodies) answer.response.body += frame.payload;
            if (frame.has(kEndStream)) answer.ended = true;
            if (gives_windows && !frame.payload.empty()) {
                const auto size = static_cast<std::uint32_t>(frame.payload.size());
                std::string more = window_update(0, size);
                if (!answer.ended) more += window_update(frame.stream, size);
                client_.send(more);
            }
            break;
        case FrameType::rst_stream:
            answer.reset = static_cast<H2Code>(number(frame.payload));
            break;
        default:
            break;
    }
    if (!keeps_bodies && frame.type == FrameType::data) frame.payload.clear();
    answer.frames.push_back(std::move(frame));
}

void H2Client::take_headers(H2Answer& answer, const Frame& head) {
    const Fields fields = inflater_->decode(block_);
    for (const auto& [name, value] : fields) {
        if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
            throw ProtocolError("capital letters in " + name);
        }
    }
    if (head.has(kEndStream)) answer.ended = true;
    if (answer.has_head) {
        if (!answer.ended) throw ProtocolError("trailers that do not end the stream");
        answer.response.trailers = fields;
        return;
    }
    if (fields.empty() || fields[0].first != ":status") throw ProtocolError("no :status first");
    Response response;
    response.status = std::stoi(fields[0].second);
    response.fields.assign(fields.begin() + 1, fields.end());
    if (response.status < 200) {
        answer.response.interim.push_back(std::move(response));
        return;
    }
    response.interim = std::move(answer.response.interim);
    answer.response = std::move(response);
    answer.has_head = true;
}

H2Answer& H2Client::wait(std::uint32_t stream, Deadline deadline) {
    H2Answer& answer = answers_[stream];
    while (!answer.ended && !answer.reset) {
        if (!read_frame(deadline)) {
            throw ClientError(ClientError::Kind::closed, "the connection ended before the stream");
        }
    }
    return answer;
}

H2Answer& H2Client::wait_head(std::uint32_t stream, Deadline deadline) {
    H2Answer& answer = answers_[stream];
    while (!answer.has_head && !answer.reset) {
        if (!read_frame(deadline)) {
            throw ClientError(ClientError::Kind::closed, "the connection ended before the head");
        }
    }
    return answer;
}

H2Goaway H2Client::wait_goaway(Deadline deadline) {
    const auto before = goaways_.size();
    while (goaways_.size() == before) {
        if (!read_frame(deadline)) {
            throw ClientError(ClientError::Kind::closed, "the connection ended without GOAWAY");
        }
    }
    return goaways_.back();
}

void H2Client::wait_end(Deadline deadline) {
    while (read_frame(deadline)) {
    }
}

void H2Client::settle(Deadline deadline) {
    client_.send(frame(FrameType::ping, 0, 0, big_endian(++pings_, 8)));
    while (pongs_ < pings_) {
        if (!read_frame(deadline)) {
            throw ClientError(ClientError::Kind::closed, "the connection ended before the PING");
        }
    }
}

Response H2Client::exchange(std::string_view method, std::string_view path, const Fields& fields,
                            std::string_view body, Deadline deadline) {
    const auto id = open(h2_request(method, path, fields), body.empty());
    if (!body.empty()) send_data(id, body, true);
    const H2Answer& answer = wait(id, deadline);
    if (answer.reset && !answer.ended) {
        throw ClientError(ClientError::Kind::broken,
                          "stream reset: " + std::to_string(static_cast<int>(*answer.reset)));
    }
    return answer.response;
}

}  // namespace switchyard::test
