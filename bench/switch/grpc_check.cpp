#include "bench/switch/grpc_check.hpp"

#include "support/grpc_messages.hpp"

#include <algorithm>

namespace switchyard::bench {
namespace {

/// The beginning of a message, as far as it is text.
std::string begin_of(std::string_view text) {
    std::string begin(text.substr(0, 24));
    std::replace_if(
        begin.begin(), begin.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return "'" + begin + (text.size() > begin.size() ? "...'" : "'");
}

}  // namespace

void GrpcCheck::begin_echo() {
    number_ = wanted_ = 0;
    sent_.clear();
}

void GrpcCheck::begin_watch(std::uint64_t messages, std::size_t octets) {
    begin_echo();
    wanted_ = messages;
    octets_ = octets;
}

std::string GrpcCheck::name() const {
    return "a call on " + std::string(to_string(slot_));
}

std::string GrpcCheck::next_message(std::int64_t now, std::size_t filling) {
    std::string text = std::to_string(++number_) + " " + std::string(filling, 'x');
    sent_.push_back({text, now});
    return text;
}

std::string GrpcCheck::message(std::string_view text, std::int64_t now, std::int64_t& round_trip) {
    round_trip = 0;
    std::string wanted;
    if (wanted_ != 0) {
        if (number_ == wanted_) return name() + " got more messages than were asked for";
        wanted = test::watch_message(slot_, ++number_, octets_);
    } else {
        if (sent_.empty()) return name() + " got a message that nobody asked for";
        wanted = std::string(to_string(slot_)) + ": " + sent_.front().text;
        round_trip = now - sent_.front().at;
        sent_.pop_front();
    }
    if (text == wanted) return "";
    return name() + " got " + begin_of(text) + " instead of " + begin_of(wanted);
}

std::string GrpcCheck::ended() const {
    if (wanted_ != 0 && number_ != wanted_)
        return name() + " ended after " + std::to_string(number_) + " of " +
               std::to_string(wanted_) + " messages";
    return sent_.empty() ? ""
                         : name() + " ended without " + std::to_string(sent_.size()) +
                               " of the messages that were sent";
}

}  // namespace switchyard::bench
