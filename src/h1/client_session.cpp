#include "h1/client_session.hpp"

#include "h1/fault.hpp"
#include "h1/serialize.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace switchyard::h1 {

namespace {

using net::IoStatus;

/// A head with a body of 16 KiB, the usual size of a buffer in applications, comes with one read.
constexpr std::size_t kReadOfResponse = 32 * 1024;
/// What origins may send as a head.
constexpr HeadLimits kResponseLimits{64 * 1024, 256, 0};

/// Sends the head at the end of the round of events, like the heads of responses.
Task<http::Fault> send_in_turn(net::Stream& stream, MessageWriter& writer, std::string_view head,
                               bool body, bool chunked, http::Chunk first,
                               const http::Fields& trailers) {
    co_await stream.loop().yield();
    // The origin closed this connection in the same round: it has not seen the request, and even
    // one that must not be sent twice may go another way (C10).
    if (stream.hung_up()) co_return http::Fault::closed;
    const http::Fault fault = co_await writer.send_head(head, body, chunked, first, trailers);
    co_return fault;
}

}  // namespace

Task<http::Fault> ClientSession::send_head(const http::OutgoingRequest& head, http::Chunk first,
                                           const http::Fields& trailers,
                                           std::chrono::milliseconds timeout) {
    received_anything_ = false;
    sent_before_ = writer_.bytes_sent();
    input_.clear();
    writer_.start(stream_, timeout);
    output_.clear();
    append_request(output_, head);
    const bool body = head.framing != http::Framing::none;
    const bool chunked = head.framing == http::Framing::chunked;
    return send_in_turn(stream_, writer_, output_, body, chunked, first, trailers);
}

Task<http::Fault> ClientSession::send_body(http::Chunk piece, const http::Fields& trailers) {
    return writer_.send_body(piece, trailers);
}

Task<http::Fault> ClientSession::read_head(http::ResponseHead& head, http::Verb request,
                                           std::string_view upgrade,
                                           std::chrono::milliseconds timeout,
                                           std::chrono::milliseconds body_timeout) {
    parser_.start(head, kResponseLimits);
    const std::uint64_t deadline = stream_.loop().timers().after(timeout);
    for (;;) {
        if (!input_.empty()) {
            const ParseResult parsed = parser_.parse(input_.data(), input_.size());
            if (parsed.status == ParseStatus::failed) co_return http::Fault::malformed;
            if (parsed.status == ParseStatus::done) {
                if (!http::validate_response(head, request, upgrade).accepted()) {
                    co_return http::Fault::malformed;
                }
                input_.consume(parsed.consumed);
                if (head.status == 101) {
                    writer_.start_tunnel();
                    body_.start(stream_, input_, input_, head.framing, 0, 0, {});
                } else if (head.status >= 200) {
                    body_.start(stream_, input_, input_, head.framing, head.content_length, 0,
                                body_timeout);
                }
                co_return http::Fault::none;
            }
        }
        if (input_.room() == 0) {
            input_.reserve(input_.capacity() == 0 ? kReadOfResponse : input_.size() * 4);
        }
        std::size_t done = 0;
        const IoStatus status = stream_.try_read(input_.tail(), input_.room(), done);
        if (status == IoStatus::ok) {
            received_anything_ = true;
            input_.commit(done);
            continue;
        }
        if (status != IoStatus::again) {
            // An end within a head is no good order.
            if (status == IoStatus::eof && !input_.empty()) co_return http::Fault::malformed;
            co_return fault_of(status);
        }
        const net::TimerWheel& timers = stream_.loop().timers();
        if (deadline != 0 && timers.now() >= deadline) co_return http::Fault::timed_out;
        // A long poll holds no buffer.
        if (input_.empty()) input_.release();
        const IoStatus waited = co_await stream_.readable(timers.left(deadline));
        if (waited != IoStatus::ok) co_return fault_of(waited);
    }
}

bool ClientSession::make_idle(const http::ResponseHead& head) noexcept {
    const bool usable = head.keep_alive && body_.finished() && input_.empty() &&
                        !stream_.hung_up() && stream_.is_open() && !stream_.is_cancelled();
    input_.release();
    return usable;
}

bool ClientSession::looks_alive() noexcept {
    if (!stream_.is_open() || stream_.hung_up()) return false;
    if (!stream_.may_read()) return true;
    char octet = 0;
    std::size_t done = 0;
    return stream_.try_read(&octet, 1, done) == IoStatus::again;
}

bool ClientSession::is_alive() noexcept {
    char octet = 0;
    return looks_alive() && ::recv(stream_.fd(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace switchyard::h1
