#pragma once

#include <cstddef>
#include <memory>

namespace switchyard::net {

/// Records that OpenSSL has made and the socket has not taken.
struct TlsUnsent {
    std::unique_ptr<char[]> octets;
    std::size_t size = 0;
    std::size_t sent = 0;
};

}  // namespace switchyard::net
