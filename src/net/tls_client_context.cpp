#include "net/tls_client_context.hpp"

#include "net/tls_error.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace switchyard::net {

namespace {

/// Of each host: as many as connect at once after a pause, about.
constexpr std::size_t kSessionsPerHost = 16;

/// Adds the SHA-256 of the file's content.
Result<void> add_digest(const std::string& file, std::vector<std::string>& to) {
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    if (!in) return Error(std::strerror(errno != 0 ? errno : EIO));
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned int size = 0;
    if (EVP_Digest(content.data(), content.size(), out.data(), &size, EVP_sha256(), nullptr) != 1) {
        return Error("out of memory");
    }
    to.emplace_back(reinterpret_cast<const char*>(out.data()), size);
    return {};
}

bool is_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

}  // namespace

/// For a plain pointer. What OpenSSL would call when a connection is freed is known to the library
/// context alone in which it was named, and each worker has its own (TlsLibrary). So are the
/// indices: nobody else in this process may ask for one of a connection.
int TlsClientContext::origin_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

TlsClientContext::Origin* TlsClientContext::origin_of(const SSL* connection) {
    return static_cast<Origin*>(SSL_get_ex_data(connection, origin_index()));
}

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::create(
    const config::TargetTls& config) {
    std::shared_ptr<TlsClientContext> made(new TlsClientContext(config));
    if (auto loaded = made->load(); !loaded) return loaded.error();
    return std::shared_ptr<const TlsClientContext>(std::move(made));
}

TlsClientContext::~TlsClientContext() {
    for (auto& [host, origin] : origins_) {
        for (SSL_SESSION* session : origin.sessions)
            SSL_SESSION_free(session);
    }
    SSL_CTX_free(context_);
}

Result<void> TlsClientContext::load() {
    const auto read = [this](const char* what, const std::string& file) -> Result<void> {
        if (auto added = add_digest(file, files_); !added) {
            return Error(std::string("cannot read ") + what + " " + file + ": " +
                         added.error().message);
        }
        return {};
    };
    ERR_clear_error();
    context_ = SSL_CTX_new(TLS_client_method());
    if (context_ == nullptr) return Error("cannot make a TLS context: " + openssl_reason());
    SSL_CTX_set_min_proto_version(context_, config_.min_version == config::TlsVersion::tls1_3
                                                ? TLS1_3_VERSION
                                                : TLS1_2_VERSION);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_read_ahead(context_, 1);
    // One of the two: the other end of a connection is known before it is made.
    static constexpr unsigned char kHttp1[] = "\x08http/1.1";
    static constexpr unsigned char kHttp2[] = "\x02h2";
    if (config_.http2) {
        SSL_CTX_set_alpn_protos(context_, kHttp2, sizeof kHttp2 - 1);
    } else {
        SSL_CTX_set_alpn_protos(context_, kHttp1, sizeof kHttp1 - 1);
    }

    // Ours are kept by host: OpenSSL's own store is not looked up by clients.
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_, on_session);

    if (config_.verify) {
        SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
        if (config_.ca_file.empty()) {
            if (SSL_CTX_set_default_verify_paths(context_) != 1) {
                return Error("cannot use the system's CA certificates: " + openssl_reason());
            }
        } else {
            if (auto done = read("CA file", config_.ca_file); !done) return done;
            if (SSL_CTX_load_verify_file(context_, config_.ca_file.c_str()) != 1) {
                return Error("cannot use CA file " + config_.ca_file + ": " + openssl_reason());
            }
        }
    }
    if (config_.client) {
        const std::string& certificate = config_.client->certificate;
        const std::string& key = config_.client->key;
        if (auto done = read("certificate", certificate); !done) return done;
        if (auto done = read("private key", key); !done) return done;
        if (SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1) {
            return Error("cannot use certificate " + certificate + ": " + openssl_reason());
        }
        if (SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_check_private_key(context_) != 1) {
            return Error("cannot use private key " + key + " with certificate " + certificate +
                         ": " + openssl_reason());
        }
    }
    return {};
}

ssl_st* TlsClientContext::make(const std::string& host) const noexcept {
    ERR_clear_error();
    SSL* made = SSL_new(context_);
    if (made == nullptr) return nullptr;
    bool whole = true;
    try {
        const std::string& name = config_.server_name.empty() ? host : config_.server_name;
        SSL_SESSION* taken = nullptr;
        Origin* const origin = meet(host, taken);
        const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(taken,
                                                                                SSL_SESSION_free);
        whole = SSL_set_ex_data(made, origin_index(), origin) == 1;
        const bool address = is_address(name);
        // RFC 6066 §3: an IP address is no server name.
        if (!address) whole = whole && SSL_set_tlsext_host_name(made, name.c_str()) == 1;
        if (config_.verify) {
            X509_VERIFY_PARAM* rules = SSL_get0_param(made);
            X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
            const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str())
                                    : X509_VERIFY_PARAM_set1_host(rules, name.c_str(), 0);
            whole = whole && set == 1;
        }
        if (session) SSL_set_session(made, session.get());
    } catch (const std::exception&) {
        whole = false;
    }
    if (!whole) {
        SSL_free(made);
        return nullptr;
    }
    SSL_set_connect_state(made);
    return made;
}

std::string TlsClientContext::failure(ssl_st* connection) const {
    const long verified = SSL_get_verify_result(connection);
    if (config_.verify && verified != X509_V_OK) {
        if (verified == X509_V_ERR_HOSTNAME_MISMATCH ||
            verified == X509_V_ERR_IP_ADDRESS_MISMATCH) {
            const Origin* origin = origin_of(connection);
            const bool own = config_.server_name.empty() && origin != nullptr;
            return "the certificate is not for " + (own ? origin->host : config_.server_name);
        }
        return std::string("the certificate is not trusted: ") +
               X509_verify_cert_error_string(verified);
    }
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    if (reason == nullptr) return {};
    return std::string("TLS: ") + reason;
}

std::size_t TlsClientContext::sessions() const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& [host, origin] : origins_)
        count += origin.sessions.size();
    return count;
}

void TlsClientContext::keep(Origin& origin, SSL_SESSION* session) const {
    const std::lock_guard lock(mutex_);
    std::vector<SSL_SESSION*>& sessions = origin.sessions;
    sessions.push_back(session);
    if (sessions.size() > kSessionsPerHost) {
        SSL_SESSION_free(sessions.front());
        sessions.erase(sessions.begin());
    }
}

TlsClientContext::Origin* TlsClientContext::meet(const std::string& host,
                                                 SSL_SESSION*& session) const {
    const std::lock_guard lock(mutex_);
    auto found = origins_.find(host);
    if (found == origins_.end()) found = origins_.try_emplace(host, Origin{this, host}).first;
    Origin& origin = found->second;
    session = nullptr;
    if (!origin.sessions.empty()) {
        session = origin.sessions.back();
        // A ticket of TLS 1.3 is used once, and each connection brings new ones (RFC 8446 appendix
        // C.4). A session of 1.2 serves again and again: resuming it brings no other.
        if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION) {
            origin.sessions.pop_back();
        } else {
            SSL_SESSION_up_ref(session);
        }
    }
    return &origin;
}

/// Takes the session over where it returns 1.
int TlsClientContext::on_session(SSL* connection, SSL_SESSION* session) {
    Origin* const origin = origin_of(connection);
    if (origin == nullptr || SSL_SESSION_is_resumable(session) != 1) return 0;
    try {
        origin->context->keep(*origin, session);
    } catch (const std::exception&) {
        return 0;
    }
    return 1;
}

}  // namespace switchyard::net
