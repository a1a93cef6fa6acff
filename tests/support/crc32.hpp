#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace switchyard::test {

using Crc32Tables = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr Crc32Tables make_crc32_tables() {
    Crc32Tables tables{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
        }
        tables[0][i] = crc;
    }
    for (std::size_t t = 1; t < tables.size(); ++t) {
        for (std::size_t i = 0; i < 256; ++i) {
            const std::uint32_t before = tables[t - 1][i];
            tables[t][i] = before >> 8 ^ tables[0][before & 0xff];
        }
    }
    return tables;
}

inline constexpr Crc32Tables kCrc32Tables = make_crc32_tables();

/// CRC-32 as in zlib and gzip (reflected polynomial 0xEDB88320), fed piece by piece.
class Crc32 {
  public:
    void feed(std::string_view bytes) noexcept {
        constexpr const auto& t = kCrc32Tables;
        std::uint32_t crc = state_;
        std::size_t at = 0;
        for (; bytes.size() - at >= 4; at += 4) {
            crc ^= byte(bytes, at) | byte(bytes, at + 1) << 8 | byte(bytes, at + 2) << 16 |
                   byte(bytes, at + 3) << 24;
            crc =
                t[3][crc & 0xff] ^ t[2][crc >> 8 & 0xff] ^ t[1][crc >> 16 & 0xff] ^ t[0][crc >> 24];
        }
        for (; at < bytes.size(); ++at) {
            crc = crc >> 8 ^ t[0][(crc ^ byte(bytes, at)) & 0xff];
        }
        state_ = crc;
    }

    [[nodiscard]] std::uint32_t value() const noexcept { return ~state_; }

  private:
    static constexpr std::uint32_t byte(std::string_view bytes, std::size_t at) noexcept {
        return static_cast<unsigned char>(bytes[at]);
    }

    std::uint32_t state_ = 0xffffffffu;
};

inline std::uint32_t crc32(std::string_view bytes) noexcept {
    Crc32 crc;
    crc.feed(bytes);
    return crc.value();
}

}  // namespace switchyard::test
