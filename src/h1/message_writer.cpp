#include "h1/message_writer.hpp"

#include "h1/fault.hpp"
#include "h1/serialize.hpp"

#include <algorithm>
#include <charconv>

namespace switchyard::h1 {

namespace {

constexpr std::string_view kChunkEnd = "\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";
constexpr std::string_view kChunkEndLast = "\r\n0\r\n\r\n";

iovec piece_of(std::string_view text) noexcept {
    return {const_cast<char*>(text.data()), text.size()};
}

}  // namespace

Task<http::Fault> MessageWriter::write(std::span<iovec> pieces) {
    const net::Stream::Transfer transfer = co_await stream_->write_all(pieces, timeout_);
    bytes_sent_ += transfer.bytes;
    co_return fault_of(transfer.status);
}

std::size_t MessageWriter::frame(http::Chunk piece, const http::Fields& trailers,
                                 std::span<iovec> pieces) {
    std::size_t count = 0;
    if (!body_) return count;
    if (!chunked_) {
        if (!piece.data.empty()) pieces[count++] = piece_of(piece.data);
        return count;
    }
    std::string_view end = piece.last ? kLastChunk : std::string_view();
    if (!piece.data.empty()) {
        char* const last = chunk_head_ + sizeof chunk_head_;
        char* at = std::to_chars(chunk_head_, last, piece.data.size(), 16).ptr;
        *at++ = '\r';
        *at++ = '\n';
        pieces[count++] = {chunk_head_, static_cast<std::size_t>(at - chunk_head_)};
        pieces[count++] = piece_of(piece.data);
        end = piece.last ? kChunkEndLast : kChunkEnd;
    }
    if (piece.last && !trailers.empty()) {
        trailer_text_ = piece.data.empty() ? "0\r\n" : "\r\n0\r\n";
        append_fields(trailer_text_, trailers);
        trailer_text_ += "\r\n";
        end = trailer_text_;
    }
    if (!end.empty()) pieces[count++] = piece_of(end);
    return count;
}

Task<http::Fault> MessageWriter::send_head(std::string_view head, bool body, bool chunked,
                                           http::Chunk first, const http::Fields& trailers) {
    body_ = body;
    chunked_ = chunked;
    iovec pieces[4];
    pieces[0] = piece_of(head);
    const std::size_t count = 1 + frame(first, trailers, std::span(pieces).subspan(1));
    const http::Fault fault = co_await write({pieces, count});
    co_return fault;
}

Task<http::Fault> MessageWriter::send_body(http::Chunk piece, const http::Fields& trailers) {
    iovec pieces[3];
    const std::size_t count = frame(piece, trailers, pieces);
    http::Fault fault = http::Fault::none;
    if (count != 0) fault = co_await write({pieces, count});
    if (tunnel_ && piece.last && fault == http::Fault::none) stream_->shutdown_send();
    co_return fault;
}

Task<http::Fault> MessageWriter::send_body(Pipe& pipe, bool more) {
    const net::Stream::Transfer transfer = co_await stream_->write_all(pipe, more, timeout_);
    bytes_sent_ += transfer.bytes;
    co_return fault_of(transfer.status);
}

Task<http::Fault> MessageWriter::send_raw(std::string_view octets) {
    iovec piece = piece_of(octets);
    const http::Fault fault = co_await write({&piece, 1});
    co_return fault;
}

}  // namespace switchyard::h1
