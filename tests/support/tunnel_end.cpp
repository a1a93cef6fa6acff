#include "support/tunnel_end.hpp"

namespace switchyard::test {

using Kind = ClientError::Kind;

bool TunnelEnd::over() {
    const H2Answer& answer = http2_->answer(stream_);
    return answer.ended || answer.reset.has_value();
}

void TunnelEnd::read_frame() {
    if (!http2_->read_frame()) throw ClientError(Kind::closed, "the connection has ended");
}

std::string TunnelEnd::take(std::size_t octets) {
    std::string& body = http2_->answer(stream_).response.body;
    std::string out = body.substr(0, octets);
    body.erase(0, octets);
    return out;
}

void TunnelEnd::send(std::string_view octets) {
    if (http1_) return http1_->send(octets);
    http2_->send_data(stream_, octets);
}

std::string TunnelEnd::read_exactly(std::size_t octets) {
    if (http1_) return http1_->read_exactly(octets);
    while (buffered().size() < octets) {
        if (over()) {
            const bool broken = http2_->answer(stream_).reset.has_value();
            throw ClientError(broken ? Kind::broken : Kind::closed, "the stream has ended");
        }
        read_frame();
    }
    return take(octets);
}

std::string TunnelEnd::read_to_end() {
    if (http1_) return http1_->read_to_end();
    while (!over())
        read_frame();
    if (!http2_->answer(stream_).ended) throw ClientError(Kind::broken, "the stream was reset");
    return take(std::string::npos);
}

bool TunnelEnd::ended() {
    if (http1_) return http1_->ended();
    while (!over() && buffered().empty())
        read_frame();
    return buffered().empty();
}

std::optional<H2Code> TunnelEnd::reset_code() {
    if (http1_) return std::nullopt;
    return http2_->answer(stream_).reset;
}

bool TunnelEnd::quiet_for(milliseconds time) {
    if (http1_) return http1_->quiet_for(time);
    const auto end = std::chrono::steady_clock::now() + time;
    for (;;) {
        if (over() || !buffered().empty()) return false;
        const auto left =
            std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return true;
        // Frames of the connection say nothing of the tunnel.
        if (!http2_->socket().buffered().empty() || !http2_->socket().quiet_for(left)) {
            read_frame();
        }
    }
}

std::string_view TunnelEnd::buffered() {
    if (http1_) return http1_->buffered();
    return http2_->answer(stream_).response.body;
}

void TunnelEnd::shutdown_write() {
    if (http1_) return http1_->shutdown_write();
    http2_->send_data(stream_, {}, true);
}

void TunnelEnd::reset() {
    if (http1_) return http1_->reset();
    http2_->send(rst_stream(stream_, H2Code::cancel));
}

void TunnelEnd::close() {
    if (http1_) return http1_->close();
    http2_->socket().close();
}

}  // namespace switchyard::test
