#pragma once

struct ossl_lib_ctx_st;

namespace switchyard::net {

/// OpenSSL's state for one thread. OpenSSL 3.0 looks every algorithm up anew for each use, behind
/// locks that all users of a "library context" share: some 600 times in a full handshake, half of
/// them on one lock. Among a dozen cores that lock is all they do. A thread with a context of its
/// own takes it alone.
///
/// Contexts are kept for the next thread rather than freed: objects made with one may outlive the
/// thread (a session that is kept for resumption, a connection that another thread lets go).
class TlsLibrary {
  public:
    /// Reads OpenSSL's configuration, as OpenSSL does for its default context. To be called where
    /// no other thread uses OpenSSL yet: the part of that file that is about TLS is one for the
    /// whole process. If that fails, or from the 129th on, use() changes nothing: slower with many
    /// cores, and no worse.
    TlsLibrary() noexcept;
    /// After the end of the thread that called use().
    ~TlsLibrary();
    TlsLibrary(const TlsLibrary&) = delete;
    TlsLibrary& operator=(const TlsLibrary&) = delete;

    /// False: the thread will share the default context.
    [[nodiscard]] bool own() const noexcept { return context_ != nullptr; }

    /// From now on the calling thread uses this context wherever none is named, also with an
    /// SSL_CTX that was made elsewhere. One thread, once.
    void use() const noexcept;

  private:
    ossl_lib_ctx_st* context_;  ///< Null: there is none.
};

}  // namespace switchyard::net
