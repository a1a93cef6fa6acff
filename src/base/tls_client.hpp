#pragma once

#include <string>

struct ssl_st;

namespace switchyard {

/// How connections to one slot's targets are encrypted: what makes the client side of each. Shared
/// by the workers and the control thread; immutable. (An interface, so that whoever only connects
/// needs no part of net.)
class TlsClient {
  public:
    virtual ~TlsClient() = default;

    /// A handshake that is to begin, with `host` (name or IP address of the target) as the server's
    /// name unless another one is configured. The caller frees it, and keeps this object until
    /// then: the connection points to it. Null: out of memory.
    [[nodiscard]] virtual ssl_st* make(const std::string& host) const noexcept = 0;

    /// Why a handshake of such a connection failed, in words: what is wrong with the certificate,
    /// or else what OpenSSL's queue of errors says on this thread. Empty: neither says anything.
    [[nodiscard]] virtual std::string failure(ssl_st* connection) const = 0;
};

}  // namespace switchyard
