#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::http {

/// What the head of one message may take.
struct HeadLimits {
    std::size_t head_bytes = 32 * 1024;
    std::uint32_t header_count = 100;
    std::size_t target_bytes = 8 * 1024;
};

}  // namespace switchyard::http
