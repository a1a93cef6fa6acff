#include "support/origin/grpc_call.hpp"

#include "support/grpc_messages.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace switchyard::origin {
namespace {

constexpr std::size_t kMostOctets = 1024 * 1024 - 64;

/// Takes a number and the blank behind it.
bool take_number(std::string_view& text, std::uint64_t& number) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    return true;
}

}  // namespace

bool GrpcCall::known() const noexcept {
    return path == test::kGrpcEcho || path == test::kGrpcWatch || is_health_check();
}

bool GrpcCall::take(std::string_view octets, bool last) {
    in_ += octets;
    std::size_t taken = 0;
    for (;;) {
        std::string_view message;
        std::size_t size = 0;
        const auto read =
            test::read_grpc_message(std::string_view(in_).substr(taken), message, size);
        if (read == test::GrpcRead::need_more) break;
        if (read == test::GrpcRead::bad) return false;
        taken += size;
        if (path == test::kGrpcEcho) {
            test::append_grpc_message(
                out_, std::string(to_string(colour_)) + ": " + std::string(message));
        } else if (!begin_watch(message)) {
            return false;
        }
    }
    in_.erase(0, taken);
    asked_all_ = asked_all_ || last;
    return !last || in_.empty();
}

bool GrpcCall::begin_watch(std::string_view message) {
    std::uint64_t octets = 0;
    std::uint64_t pause_ms = 0;
    const bool right = number_ == 0 && left_ == 0 && take_number(message, left_) &&
                       take_number(message, pause_ms) && take_number(message, octets) &&
                       message.empty() && octets <= kMostOctets && pause_ms <= 60'000;
    octets_ = static_cast<std::size_t>(octets);
    pause_ = std::chrono::milliseconds(pause_ms);
    due_ = Clock::now();
    return right;
}

bool GrpcCall::produce(Clock::time_point now) {
    // What nobody takes is not heaped up.
    constexpr std::size_t kEnough = 256 * 1024;
    if (left_ == 0 || now < due_ || out_.size() > kEnough) return false;
    test::append_grpc_message(out_, test::watch_message(colour_, ++number_, octets_));
    --left_;
    due_ = now + pause_;
    return true;
}

std::size_t GrpcCall::send(char* room, std::size_t size) {
    const std::size_t count = std::min(size, out_.size());
    std::memcpy(room, out_.data(), count);
    out_.erase(0, count);
    return count;
}

}  // namespace switchyard::origin
