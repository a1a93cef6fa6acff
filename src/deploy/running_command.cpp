#include "deploy/running_command.hpp"

#include <charconv>
#include <cstdint>
#include <random>

namespace switchyard::deploy {

RunningCommand::RunningCommand(std::string marker, const OnLine& on_line)
    : marker_(std::move(marker)),
      on_line_(on_line),
      output_([this](std::string line) { take_line(std::move(line)); }),
      errors_([this](std::string line) { on_line_(true, std::move(line)); }) {}

void RunningCommand::finish() {
    output_.finish();
    errors_.finish();
}

void RunningCommand::take_line(std::string line) {
    // The user's shell may have printed something before it, even without an end of line.
    const std::size_t at = pid_ ? std::string::npos : line.find(marker_);
    if (at == std::string::npos) {
        on_line_(false, std::move(line));
        return;
    }
    long pid = 0;
    const char* digits = line.data() + at + marker_.size() + 1;
    const char* end = line.data() + line.size();
    if (digits < end) std::from_chars(digits, end, pid);
    // 0 and 1 would mean quite different processes to kill(2).
    if (pid > 1) pid_ = pid;
    if (at > 0) on_line_(false, line.substr(0, at));
}

std::string new_marker() {
    constexpr char kHex[] = "0123456789abcdef";
    std::random_device random;
    std::string marker = "switchyard-";
    for (int i = 0; i < 4; ++i) {
        std::uint32_t bits = random();
        for (int digit = 0; digit < 8; ++digit, bits >>= 4)
            marker += kHex[bits & 0xf];
    }
    return marker;
}

}  // namespace switchyard::deploy
