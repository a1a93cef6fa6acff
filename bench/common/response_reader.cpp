#include "bench/common/response_reader.hpp"

#include <algorithm>
#include <charconv>
#include <strings.h>

namespace switchyard::bench {
namespace {

constexpr std::size_t kMaxHead = 64 * 1024;

bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void note_field(ResponseHead& head, std::string_view name, std::string_view value) {
    if (same(name, "x-origin-colour")) {
        head.colour = value;
    } else if (same(name, "x-served-by")) {
        head.served_by = value;
    } else if (same(name, "x-request-id")) {
        head.request_id = value;
    } else if (same(name, "x-test-id")) {
        head.test_id = value;
    } else if (same(name, "x-switchyard-error")) {
        head.proxy_error = value;
    } else if (same(name, "set-cookie")) {
        if (value.starts_with("switchyard_canary="))
            head.canary_cookie = value.substr(0, value.find(';'));
    } else if (same(name, "grpc-status")) {
        head.grpc_status = value;
    } else if (same(name, "grpc-message")) {
        head.grpc_message = value;
    }
}

void ResponseReader::reset() {
    state_ = State::head;
    chunk_ = Chunk::size;
    until_close_ = false;
    remaining_ = 0;
    body_bytes_ = 0;
    head_.status = 0;
    head_.chunked = head_.close = head_.has_length = false;
    head_.content_length = 0;
    head_.colour.clear();
    head_.served_by.clear();
    head_.test_id.clear();
    head_.request_id.clear();
    head_.proxy_error.clear();
    head_.canary_cookie.clear();
    head_.grpc_status.clear();
    head_.grpc_message.clear();
    text_.clear();
    reason_ = "";
}

std::size_t ResponseReader::feed(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && state_ != State::complete && state_ != State::broken) {
        const std::string_view rest = bytes.substr(taken);
        taken += state_ == State::head ? feed_head(rest) : feed_body(rest);
    }
    return taken;
}

void ResponseReader::end_of_stream() {
    if (state_ == State::complete || state_ == State::broken) return;
    if (state_ == State::body && until_close_) {
        state_ = State::complete;
        return;
    }
    broken(state_ == State::head ? "closed before the end of the head"
                                 : "closed before the end of the body");
}

std::size_t ResponseReader::feed_head(std::string_view bytes) {
    std::size_t taken = bytes.size();
    std::string_view head;
    if (text_.empty()) {
        const auto end = bytes.find("\r\n\r\n");
        if (end != std::string_view::npos) {
            taken = end + 4;
            head = bytes.substr(0, end + 2);
        } else {
            text_ = bytes;
        }
    } else {
        const std::size_t before = text_.size();
        text_ += bytes;
        const auto end = text_.find("\r\n\r\n", before > 3 ? before - 3 : 0);
        if (end != std::string::npos) {
            taken = end + 4 - before;
            text_.resize(end + 2);
            head = text_;
        }
    }
    if (head.empty()) {
        if (text_.size() > kMaxHead) broken("the head is too long");
        return taken;
    }
    if (!take_head(head)) return taken;
    text_.clear();
    if (head_.status < 200 && head_.status != 101) {
        reset();
        return taken;
    }
    if (head_.status == 101 || head_.status == 204 || head_.status == 304) {
        state_ = State::complete;
    } else if (head_.chunked) {
        state_ = State::body;
    } else if (head_.has_length) {
        remaining_ = head_.content_length;
        state_ = remaining_ == 0 ? State::complete : State::body;
    } else {
        until_close_ = true;
        head_.close = true;
        state_ = State::body;
    }
    return taken;
}

bool ResponseReader::take_head(std::string_view head) {
    if (!head.starts_with("HTTP/1.") || head.size() < 14) {
        broken("no status line");
        return false;
    }
    head_.close = head[7] == '0';
    const auto [end, error] = std::from_chars(head.data() + 9, head.data() + 12, head_.status);
    if (error != std::errc{} || end != head.data() + 12 || head_.status < 100) {
        broken("bad status code");
        return false;
    }
    std::size_t at = head.find("\r\n") + 2;
    while (at < head.size()) {
        const std::size_t line_end = head.find("\r\n", at);
        const std::string_view line = head.substr(at, line_end - at);
        at = line_end + 2;
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            broken("a header line without a colon");
            return false;
        }
        std::string_view value = line.substr(colon + 1);
        while (!value.empty() && value.front() == ' ')
            value.remove_prefix(1);
        while (!value.empty() && value.back() == ' ')
            value.remove_suffix(1);
        take_field(line.substr(0, colon), value);
        if (state_ == State::broken) return false;
    }
    if (head_.chunked && head_.has_length) {
        broken("Content-Length and Transfer-Encoding together");
        return false;
    }
    return true;
}

void ResponseReader::take_field(std::string_view name, std::string_view value) {
    if (same(name, "content-length")) {
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), head_.content_length);
        if (error != std::errc{} || end != value.data() + value.size() || head_.has_length)
            broken("bad Content-Length");
        head_.has_length = true;
    } else if (same(name, "transfer-encoding")) {
        if (!same(value, "chunked")) broken("unknown Transfer-Encoding");
        head_.chunked = true;
    } else if (same(name, "connection")) {
        if (same(value, "close")) head_.close = true;
        if (same(value, "keep-alive")) head_.close = false;
    } else {
        note_field(head_, name, value);
    }
}

std::size_t ResponseReader::feed_body(std::string_view bytes) {
    if (until_close_) {
        deliver(bytes);
        return bytes.size();
    }
    if (head_.chunked && chunk_ != Chunk::data) return feed_line(bytes);
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
    deliver(bytes.substr(0, count));
    remaining_ -= count;
    if (remaining_ == 0) {
        if (head_.chunked)
            chunk_ = Chunk::data_end;
        else
            state_ = State::complete;
    }
    return count;
}

std::size_t ResponseReader::feed_line(std::string_view bytes) {
    const std::size_t end = bytes.find('\n');
    const std::size_t taken = end == std::string_view::npos ? bytes.size() : end + 1;
    text_ += bytes.substr(0, taken);
    if (end == std::string_view::npos) {
        if (text_.size() > kMaxHead) broken("a chunk line is too long");
        return taken;
    }
    if (!text_.ends_with("\r\n")) {
        broken("a chunk line without CRLF");
        return taken;
    }
    take_chunk_line(std::string_view(text_).substr(0, text_.size() - 2));
    text_.clear();
    return taken;
}

void ResponseReader::take_chunk_line(std::string_view line) {
    switch (chunk_) {
        case Chunk::size: {
            std::uint64_t size = 0;
            const auto [end, error] =
                std::from_chars(line.data(), line.data() + line.size(), size, 16);
            const bool rest_is_fine = end == line.data() + line.size() || *end == ';';
            if (error != std::errc{} || !rest_is_fine) return broken("bad chunk size");
            remaining_ = size;
            chunk_ = size == 0 ? Chunk::trailer : Chunk::data;
            return;
        }
        case Chunk::data_end:
            if (!line.empty()) return broken("no CRLF after a chunk");
            chunk_ = Chunk::size;
            return;
        case Chunk::trailer:
            if (line.empty()) state_ = State::complete;
            return;
        case Chunk::data:
            return;
    }
}

void ResponseReader::deliver(std::string_view piece) {
    body_bytes_ += piece.size();
    if (sink_ && !piece.empty()) sink_->on_body(piece);
}

void ResponseReader::broken(const char* reason) {
    reason_ = reason;
    state_ = State::broken;
}

}  // namespace switchyard::bench
