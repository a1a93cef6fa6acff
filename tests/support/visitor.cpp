#include "support/visitor.hpp"

#include <algorithm>

namespace switchyard::test {

namespace {

using Kind = ClientError::Kind;

constexpr std::size_t kConnectionWindow = 65535;  // RFC 9113 §6.9.2
constexpr std::size_t kPiece = 16384;

std::size_t updates(const std::vector<Frame>& frames) {
    std::size_t sum = 0;
    for (const Frame& frame : frames) {
        if (frame.type != FrameType::window_update) continue;
        std::size_t more = 0;
        for (const char octet : frame.payload)
            more = more * 256 + static_cast<unsigned char>(octet);
        sum += more;
    }
    return sum;
}

}  // namespace

Visitor::Visitor(Client connection, bool http2) {
    if (http2) {
        http2_ = std::make_unique<H2Client>(std::move(connection));
    } else {
        http1_ = std::make_unique<Client>(std::move(connection));
    }
}

void Visitor::ask(std::string_view method, std::string_view target, const Fields& fields,
                  std::string_view body) {
    method_ = method;
    if (http1_) {
        Fields all = fields;
        if (!body.empty() || method == "POST") {
            all.emplace_back("Content-Length", std::to_string(body.size()));
        }
        http1_->send(request_text(method, target, all) + std::string(body));
        return;
    }
    Fields lower = fields;
    for (auto& [name, value] : lower)
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (!body.empty()) lower.emplace_back("content-length", std::to_string(body.size()));
    stream_ = http2_->open(h2_request(method, target, lower), body.empty());
    sent_ = 0;
    if (!body.empty()) send(body, true);
}

void Visitor::begin(std::string_view method, std::string_view target,
                    std::optional<std::size_t> length) {
    method_ = method;
    chunked_ = !length;
    if (http1_) {
        Fields fields{{"Transfer-Encoding", "chunked"}};
        if (length) fields = {{"Content-Length", std::to_string(*length)}};
        http1_->send(request_text(method, target, fields));
        return;
    }
    Fields fields;
    if (length) fields = {{"content-length", std::to_string(*length)}};
    stream_ = http2_->open(h2_request(method, target, fields), false);
    sent_ = 0;
}

void Visitor::send(std::string_view octets, bool last) {
    if (http1_) {
        if (!chunked_) return http1_->send(octets);
        std::string text = octets.empty() ? std::string() : chunk(octets);
        if (last) text += chunk({});
        return http1_->send(text);
    }
    while (!octets.empty()) {
        const std::size_t sent = send_some(octets.substr(0, kPiece), {});
        if (sent == 0) return;  // It has got its answer.
        octets.remove_prefix(sent);
    }
    if (last) http2_->send_data(stream_, {}, true);
}

std::size_t Visitor::send_some(std::string_view octets, Deadline deadline) {
    if (http1_) return http1_->send_some(octets, deadline);
    std::size_t sent = 0;
    try {
        while (sent < octets.size()) {
            while (room() == 0 && !over()) {
                if (!read_frame(deadline)) throw ClientError(Kind::closed, "no room any more");
            }
            if (over()) break;
            const std::size_t size = std::min({room(), octets.size() - sent, kPiece});
            http2_->send_data(stream_, octets.substr(sent, size));
            sent_ += size;
            sent_all_ += size;
            sent += size;
        }
    } catch (const ClientError& error) {
        if (error.kind != Kind::timeout) throw;
    }
    return sent;
}

Response Visitor::head(Deadline deadline) {
    if (http1_) return read_head(*http1_, deadline);
    const H2Answer& answer = http2_->wait_head(stream_, deadline);
    if (!answer.has_head) throw ClientError(Kind::broken, "the stream was reset");
    return answer.response;
}

Visitor::End Visitor::body(Response& head, const std::function<void(std::string_view)>& sink,
                           Deadline deadline) {
    if (http1_) {
        try {
            read_body(*http1_, head, method_, sink, deadline);
        } catch (const ClientError& error) {
            if (error.kind == Kind::timeout) throw;
            return error.kind == Kind::broken ? End::broken : End::closed;
        }
        return End::complete;
    }
    H2Answer& answer = http2_->answer(stream_);
    for (;;) {
        if (!answer.response.body.empty()) sink(answer.response.body);
        answer.response.body.clear();
        answer.frames.clear();
        if (over()) break;
        if (!read_frame(deadline)) return End::closed;
    }
    head.trailers = answer.response.trailers;
    return answer.ended ? End::complete : End::broken;
}

Response Visitor::answer(Deadline deadline) {
    if (http1_) return read_response(*http1_, method_, deadline);
    const H2Answer& answer = http2_->wait(stream_, deadline);
    if (!answer.ended) throw ClientError(Kind::broken, "the stream was reset");
    return answer.response;
}

Response Visitor::exchange(std::string_view method, std::string_view target, const Fields& fields,
                           std::string_view body, Deadline deadline) {
    ask(method, target, fields, body);
    return answer(deadline);
}

bool Visitor::quiet_for(milliseconds time) {
    if (http1_) return http1_->quiet_for(time);
    const auto end = std::chrono::steady_clock::now() + time;
    for (;;) {
        if (over() || http2_->answer(stream_).has_head) return false;
        const auto left =
            std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return true;
        if (!http2_->socket().buffered().empty() || !http2_->socket().quiet_for(left)) {
            if (!read_frame({})) return false;
        }
    }
}

void Visitor::leave() {
    if (http1_) return http1_->reset();
    http2_->send(rst_stream(stream_, H2Code::cancel));
}

void Visitor::close() {
    socket().close();
}

bool Visitor::stays(const Response& response) const {
    return http1_ ? response.keep_alive() : http2_->goaways().empty();
}

std::string Visitor::local_address() {
    return socket().local_address();
}

/// What may be sent on the stream now.
std::size_t Visitor::room() {
    if (http2_->settings().empty()) return 0;
    std::size_t window = kConnectionWindow;
    if (const auto found = http2_->settings().find(4); found != http2_->settings().end()) {
        window = found->second;
    }
    const std::size_t stream = window + updates(http2_->answer(stream_).frames);
    const std::size_t all = kConnectionWindow + updates(http2_->connection_frames());
    return std::min(stream - std::min(stream, sent_), all - std::min(all, sent_all_));
}

bool Visitor::over() {
    const H2Answer& answer = http2_->answer(stream_);
    return answer.ended || answer.reset.has_value();
}

bool Visitor::read_frame(Deadline deadline) {
    return http2_->read_frame(deadline);
}

}  // namespace switchyard::test
