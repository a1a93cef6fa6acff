#pragma once

#include "base/colour.hpp"
#include "support/pattern.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The messages of gRPC as the origin and the benchmark's clients send them, and what the origin's
/// two methods answer. Nothing of it is protobuf: what is in a message does not matter to a proxy.
namespace switchyard::test {

/// Each message is answered by "COLOUR: " and itself.
inline constexpr std::string_view kGrpcEcho = "/switchyard.Sample/Echo";
/// The one message "COUNT MILLISECONDS OCTETS" is answered by so many messages of watch_message(),
/// with so much time between two of them.
inline constexpr std::string_view kGrpcWatch = "/switchyard.Sample/Watch";

/// Appends a Length-Prefixed-Message that is not compressed.
inline void append_grpc_message(std::string& out, std::string_view message) {
    out += '\0';
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(static_cast<unsigned char>(message.size() >> shift));
    out += message;
}

enum class GrpcRead : std::uint8_t { need_more, complete, bad };

/// Reads one message from the front of `input`: not compressed, at most 1 MiB. On `complete`,
/// `message` points into `input` and `consumed` says how many octets it took.
inline GrpcRead read_grpc_message(std::string_view input, std::string_view& message,
                                  std::size_t& consumed) {
    constexpr std::size_t kPrefix = 5;
    constexpr std::size_t kMost = 1024 * 1024;
    if (input.empty()) return GrpcRead::need_more;
    if (input[0] != '\0') return GrpcRead::bad;
    if (input.size() < kPrefix) return GrpcRead::need_more;
    std::size_t size = 0;
    for (std::size_t i = 1; i < kPrefix; ++i)
        size = size << 8 | static_cast<unsigned char>(input[i]);
    if (size > kMost) return GrpcRead::bad;
    if (input.size() < kPrefix + size) return GrpcRead::need_more;
    message = input.substr(kPrefix, size);
    consumed = kPrefix + size;
    return GrpcRead::complete;
}

/// "COLOUR NUMBER " and so many octets of the colour's pattern.
inline std::string watch_message(Colour colour, std::uint64_t number, std::size_t octets) {
    std::string message = std::string(to_string(colour)) + " " + std::to_string(number) + " ";
    const std::size_t before = message.size();
    message.resize(before + octets);
    fill_pattern(colour, number, {message.data() + before, octets});
    return message;
}

}  // namespace switchyard::test
