#include "net/tls_context.hpp"

#include "net/tls_error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <openssl/x509v3.h>

namespace switchyard::net {

namespace {

/// Of TLS 1.3, in our order. The key exchange is good for 128 bits, so that longer keys would
/// protect nothing more; and SHA-256, which processors have instructions for, makes handshakes
/// cheaper.
constexpr char kSuites[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
    });
    return out;
}

/// RFC 6066 §3: the server name picks the certificate. An unknown name gets the first one.
int server_name_callback(SSL* ssl, int*, void* argument) {
    const auto* context = static_cast<const TlsContext*>(argument);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    ssl_ctx_st* found = context->find(lower(name));
    if (found != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, found);
    return SSL_TLSEXT_ERR_OK;
}

/// RFC 9113 §9.2.2: over TLS 1.2 only with ephemeral keys and an AEAD; all of TLS 1.3 is like that.
bool good_for_http2(SSL* ssl) {
    if (SSL_version(ssl) >= TLS1_3_VERSION) return true;
    const SSL_CIPHER* cipher = SSL_get_pending_cipher(ssl);
    if (cipher == nullptr || SSL_CIPHER_is_aead(cipher) == 0) return false;
    const int exchange = SSL_CIPHER_get_kx_nid(cipher);
    return exchange == NID_kx_ecdhe || exchange == NID_kx_dhe;
}

/// RFC 7301. A client that offers protocols, none of them ours, is told so.
int alpn_callback(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                  const unsigned char* in, unsigned int in_size, void* with_http2) {
    static constexpr unsigned char kOurs[] = "\x02h2\x08http/1.1";
    static constexpr std::size_t kHttp2 = 3;  // Of these octets.
    const std::size_t skip = with_http2 != nullptr && good_for_http2(ssl) ? 0 : kHttp2;
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, kOurs + skip,
                              static_cast<unsigned>(sizeof kOurs - 1 - skip), in,
                              in_size) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/// Whether the suites of TLS 1.3 are those that OpenSSL comes with: its configuration on this
/// machine may name others, or another order, and that is somebody's decision.
bool has_default_suites(const SSL_CTX* context) {
    std::string found;
    const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
        const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(ciphers, i);
        if (std::string_view(SSL_CIPHER_get_version(cipher)) != "TLSv1.3") continue;
        if (!found.empty()) found += ':';
        found += SSL_CIPHER_get_name(cipher);
    }
    return found == OSSL_default_ciphersuites();
}

/// A key that can be read, but is another certificate's.
bool is_mismatch(unsigned long code) {
    return ERR_GET_LIB(code) == ERR_LIB_X509 &&
           (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH ||
            ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH);
}

Error file_error(const char* what, const std::string& file) {
    if (::access(file.c_str(), R_OK) != 0) {
        return Error(std::string("cannot read ") + what + " " + file + ": " + std::strerror(errno));
    }
    return Error(std::string("cannot use ") + what + " " + file + ": " + openssl_reason());
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const config::Tls& config,
                                                             TicketKeys& keys, bool http2) {
    std::shared_ptr<TlsContext> context(new TlsContext(http2));
    for (const config::Certificate& files : config.certificates) {
        if (auto added = context->add(config, files, keys); !added) return added.error();
    }
    if (context->contexts_.empty()) return Error("a TLS listener needs at least one certificate");
    return std::shared_ptr<const TlsContext>(std::move(context));
}

TlsContext::~TlsContext() {
    for (ssl_ctx_st* context : contexts_)
        SSL_CTX_free(context);
}

Result<void> TlsContext::add(const config::Tls& config, const config::Certificate& files,
                             TicketKeys& keys) {
    ERR_clear_error();
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (context == nullptr) return Error("cannot make a TLS context: " + openssl_reason());
    contexts_.push_back(context);

    SSL_CTX_set_min_proto_version(context, config.min_version == config::TlsVersion::tls1_3
                                               ? TLS1_3_VERSION
                                               : TLS1_2_VERSION);
    // The chain is what the file has. Without NO_AUTO_CHAIN each handshake of a certificate that
    // stands alone there would look for a chain of its own, in a store that is empty.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (config.session_tickets) {
        keys.install(context);
        SSL_CTX_set_num_tickets(context, 1);
    } else {
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context, 0);
    }
    static constexpr unsigned char kSessionContext[] = "switchyard";
    SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext - 1);
    if (has_default_suites(context) && SSL_CTX_set_ciphersuites(context, kSuites) != 1) {
        return Error("cannot set the cipher suites of TLS 1.3: " + openssl_reason());
    }
    if (!config.ciphers.empty() && SSL_CTX_set_cipher_list(context, config.ciphers.c_str()) != 1) {
        return Error("no usable cipher in tls.ciphers '" + config.ciphers + "'");
    }
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
        return file_error("certificate", files.certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        if (!is_mismatch(ERR_peek_last_error())) return file_error("private key", files.key);
        ERR_clear_error();
        return Error("private key " + files.key + " does not belong to certificate " +
                     files.certificate);
    }
    SSL_CTX_set_tlsext_servername_callback(context, server_name_callback);
    SSL_CTX_set_tlsext_servername_arg(context, this);
    SSL_CTX_set_alpn_select_cb(context, alpn_callback, http2_ ? this : nullptr);

    X509* certificate = SSL_CTX_get0_certificate(context);
    auto* names = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS) continue;
        const std::string_view text(
            reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
            static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        by_name_.try_emplace(lower(text), context);
    }
    GENERAL_NAMES_free(names);
    return {};
}

ssl_ctx_st* TlsContext::find(std::string_view name) const {
    if (const auto it = by_name_.find(std::string(name)); it != by_name_.end()) return it->second;
    // RFC 6125 §6.4.3: a wildcard stands for exactly one label.
    if (const auto dot = name.find('.'); dot != std::string_view::npos && dot > 0) {
        const auto it = by_name_.find("*" + std::string(name.substr(dot)));
        if (it != by_name_.end()) return it->second;
    }
    return contexts_.front();
}

}  // namespace switchyard::net
