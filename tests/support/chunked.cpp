#include "support/chunked.hpp"

#include <algorithm>

namespace switchyard::test {
namespace {

constexpr std::size_t kMaxLineBytes = 8192;

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

bool split_field(std::string_view line, std::string_view& name, std::string_view& value) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return false;
    name = line.substr(0, colon);
    value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) {
        value.remove_prefix(1);
    }
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) {
        value.remove_suffix(1);
    }
    return std::all_of(value.begin(), value.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
}

void ChunkedDecoder::take_line_byte(char byte) {
    line_.push_back(byte);
    if (line_.size() > kMaxLineBytes) {
        state_ = State::bad;
        return;
    }
    if (byte != '\n') {
        // A CR is legal only right before the LF.
        if (line_.size() >= 2 && line_[line_.size() - 2] == '\r') state_ = State::bad;
        return;
    }
    if (line_.size() < 2 || line_[line_.size() - 2] != '\r') {
        state_ = State::bad;
        return;
    }
    line_.resize(line_.size() - 2);
    end_of_line();
    line_.clear();
}

void ChunkedDecoder::end_of_line() {
    switch (state_) {
        case State::size_line:
            end_of_size_line();
            break;
        case State::data_end:
            state_ = line_.empty() ? State::size_line : State::bad;
            break;
        case State::trailers: {
            if (line_.empty()) {
                state_ = State::done;
                break;
            }
            std::string_view name, value;
            if (split_field(line_, name, value)) {
                trailers_.emplace_back(name, value);
            } else {
                state_ = State::bad;
            }
            break;
        }
        case State::data:
        case State::done:
        case State::bad:
            break;
    }
}

void ChunkedDecoder::end_of_size_line() {
    std::size_t digits = 0;
    std::uint64_t size = 0;
    while (digits < line_.size() && hex_value(line_[digits]) >= 0) {
        size = size << 4 | static_cast<std::uint64_t>(hex_value(line_[digits]));
        ++digits;
    }
    const bool extension = digits < line_.size() && line_[digits] == ';';
    if (digits == 0 || digits > 15 || (digits < line_.size() && !extension)) {
        state_ = State::bad;
        return;
    }
    left_ = size;
    state_ = size == 0 ? State::trailers : State::data;
}

}  // namespace switchyard::test
