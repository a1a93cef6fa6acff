#include "h1/chunk_decoder.hpp"

#include "http/validate.hpp"

#include <algorithm>
#include <cstring>

namespace switchyard::h1 {

namespace {

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_control(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

/// RFC 9110 §5.6.2.
bool is_token(std::string_view text) noexcept {
    if (text.empty()) return false;
    for (const char c : text) {
        const bool alnum =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && std::strchr("!#$%&'*+-.^_`|~", c) == nullptr) return false;
        if (c == '\0') return false;
    }
    return true;
}

}  // namespace

void ChunkDecoder::start() {
    state_ = State::size_first;
    left_ = 0;
    digits_ = 0;
    extension_bytes_ = data_bytes_ = 0;
    trailer_text_.clear();
    trailers_.clear();
}

/// Everything but data, octet by octet. False: malformed.
bool ChunkDecoder::step(char c) {
    switch (state_) {
        case State::size_first:
        case State::size: {
            const int digit = hex_value(c);
            if (digit >= 0) {
                // 15 digits are more than any body and can't overflow.
                if (++digits_ > 15) return false;
                left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
                state_ = State::size;
                return true;
            }
            if (state_ == State::size_first) return false;
            if (c == '\r') {
                state_ = State::size_lf;
                return true;
            }
            if (c != ';') return false;
            state_ = State::extension;
            return ++extension_bytes_ <= kMaxExtensionBytes + data_bytes_;
        }
        case State::extension:
            if (c == '\r') {
                state_ = State::size_lf;
                return true;
            }
            return !is_control(c) && ++extension_bytes_ <= kMaxExtensionBytes + data_bytes_;
        case State::size_lf:
            if (c != '\n') return false;
            digits_ = 0;
            state_ = left_ > 0 ? State::data : State::line_start;
            return true;
        case State::data_cr:
            if (c != '\r') return false;
            state_ = State::data_lf;
            return true;
        case State::data_lf:
            if (c != '\n') return false;
            state_ = State::size_first;
            return true;
        case State::line_start:
            if (c == '\r') {
                state_ = State::end_lf;
                return true;
            }
            state_ = State::line;
            [[fallthrough]];
        case State::line:
            if (c == '\r') {
                state_ = State::line_lf;
                return true;
            }
            trailer_text_.push_back(c);
            return !is_control(c) && trailer_text_.size() <= kMaxTrailerBytes;
        case State::line_lf:
            if (c != '\n') return false;
            trailer_text_.push_back('\n');
            state_ = State::line_start;
            return true;
        case State::end_lf:
            if (c != '\n' || !finish_trailers()) return false;
            state_ = State::done;
            return true;
        case State::data:
        case State::done:
        case State::failed:
            break;
    }
    return false;
}

bool ChunkDecoder::finish_trailers() {
    std::string_view rest = trailer_text_;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return false;
        std::string_view value = line.substr(colon + 1);
        while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) {
            value.remove_prefix(1);
        }
        while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) {
            value.remove_suffix(1);
        }
        if (trailers_.size() >= kMaxTrailers) return false;
        const std::string_view name = line.substr(0, colon);
        const http::Field field{boost::beast::http::string_to_field({name.data(), name.size()}),
                                name, value};
        if (http::trailer_allowed(field)) trailers_.push_back(field);
    }
    return true;
}

ChunkDecoder::Step ChunkDecoder::decode(char* data, std::size_t size) {
    Step out;
    while (out.consumed < size && state_ != State::done) {
        if (state_ == State::data) {
            const std::size_t part =
                static_cast<std::size_t>(std::min<std::uint64_t>(left_, size - out.consumed));
            if (out.produced != out.consumed) {
                std::memmove(data + out.produced, data + out.consumed, part);
            }
            out.produced += part;
            data_bytes_ += part;
            out.consumed += part;
            left_ -= part;
            if (left_ == 0) state_ = State::data_cr;
            continue;
        }
        if (!step(data[out.consumed])) {
            state_ = State::failed;
            out.status = Status::failed;
            return out;
        }
        ++out.consumed;
    }
    if (state_ == State::done) out.status = Status::done;
    return out;
}

}  // namespace switchyard::h1
