#pragma once

#include "base/error.hpp"
#include "base/tls_client.hpp"
#include "config/config.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct ssl_ctx_st;
struct ssl_session_st;

namespace switchyard::net {

/// TLS to the targets of one slot: whom to believe, as whom to come, and the sessions that can be
/// resumed. Any thread.
class TlsClientContext final : public TlsClient {
  public:
    /// Reads the files. Errors name the file and the reason.
    static Result<std::shared_ptr<const TlsClientContext>> create(const config::TargetTls& config);
    ~TlsClientContext() override;
    TlsClientContext(const TlsClientContext&) = delete;
    TlsClientContext& operator=(const TlsClientContext&) = delete;

    [[nodiscard]] ssl_st* make(const std::string& host) const noexcept override;
    [[nodiscard]] std::string failure(ssl_st* connection) const override;

    /// Whether the other one was made of the same settings and of files with the same content.
    [[nodiscard]] bool same_as(const TlsClientContext& other) const noexcept {
        return config_ == other.config_ && files_ == other.files_;
    }

    /// Sessions kept for resumption, over all hosts.
    [[nodiscard]] std::size_t sessions() const;

  private:
    explicit TlsClientContext(config::TargetTls config) : config_(std::move(config)) {}
    Result<void> load();
    /// One of the targets: what a connection to it knows of where it came from. Its connections
    /// point to it; it stays as long as the context.
    struct Origin {
        const TlsClientContext* const context;
        const std::string host;
        /// The last one came last.
        std::vector<ssl_session_st*> sessions{};
    };
    static int origin_index();
    [[nodiscard]] static Origin* origin_of(const ssl_st* connection);
    /// The target's, and a session to resume, or null, which is the caller's.
    [[nodiscard]] Origin* meet(const std::string& host, ssl_session_st*& session) const;
    void keep(Origin& origin, ssl_session_st* session) const;
    static int on_session(ssl_st* connection, ssl_session_st* session);

    const config::TargetTls config_;
    std::vector<std::string> files_;  ///< Digests of what was read.
    ssl_ctx_st* context_ = nullptr;
    mutable std::mutex mutex_;
    mutable std::map<std::string, Origin> origins_;  ///< By host. Guarded by `mutex_`.
};

}  // namespace switchyard::net
