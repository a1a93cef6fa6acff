#pragma once

#include "base/error.hpp"
#include "config/config.hpp"
#include "net/ticket_keys.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct ssl_ctx_st;

namespace switchyard::net {

/// The certificates and settings of one TLS listener. Immutable; connections that were made with it
/// keep what they need of it alive by themselves. Any thread.
class TlsContext {
  public:
    /// Reads the certificates and keys. Errors name the file and the reason. `keys` must outlive
    /// every connection. `http2`: offered to clients that know it (ALPN).
    static Result<std::shared_ptr<const TlsContext>> create(const config::Tls& config,
                                                            TicketKeys& keys, bool http2 = false);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    /// The context that a new connection starts with; the server name then picks the certificate.
    [[nodiscard]] ssl_ctx_st* start() const noexcept { return contexts_.front(); }

    /// The context whose certificate fits `name` (lower case), exact before wildcard, in the order
    /// of the configuration; the first one when none fits.
    [[nodiscard]] ssl_ctx_st* find(std::string_view name) const;

  private:
    explicit TlsContext(bool http2) noexcept : http2_(http2) {}
    Result<void> add(const config::Tls& config, const config::Certificate& files, TicketKeys& keys);

    bool http2_;
    std::vector<ssl_ctx_st*> contexts_;
    std::unordered_map<std::string, ssl_ctx_st*>
        by_name_;  ///< Names and "*.wildcards" of the certificates.
};

}  // namespace switchyard::net
