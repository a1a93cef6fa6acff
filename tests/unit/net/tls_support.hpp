#pragma once

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/// Certificates made on the spot, and a blocking TLS client to speak to the stream under test.
namespace switchyard::net::test {

struct CertificateFiles {
    std::string certificate;
    std::string key;
};

/// A self-signed certificate for these names, written to DIR/NAME.pem and DIR/NAME.key. `rsa`: with
/// a key for RSA instead of one on P-256.
inline CertificateFiles make_certificate(const std::string& dir, const std::string& name,
                                         const std::vector<std::string>& names, bool rsa = false) {
    EVP_PKEY* key = rsa ? EVP_RSA_gen(2048U) : EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    if (key == nullptr || certificate == nullptr) throw std::runtime_error("certificate");
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    std::string text;
    for (const auto& dns : names)
        text += (text.empty() ? "DNS:" : ",DNS:") + dns;
    if (!text.empty()) {
        X509_EXTENSION* extension =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, text.c_str());
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    X509_sign(certificate, key, EVP_sha256());
    CertificateFiles files{dir + "/" + name + ".pem", dir + "/" + name + ".key"};
    std::FILE* out = std::fopen(files.certificate.c_str(), "w");
    PEM_write_X509(out, certificate);
    std::fclose(out);
    out = std::fopen(files.key.c_str(), "w");
    PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return files;
}

/// The common name of a certificate.
inline std::string common_name(const X509* certificate) {
    char text[256] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text,
                              sizeof text);
    return text;
}

/// A TLS client on a blocking socket, which it owns.
class TlsClient {
  public:
    explicit TlsClient(int fd, std::string_view name = {}, int version = 0)
        : fd_(fd), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_)) {
        if (version != 0) {
            SSL_set_min_proto_version(ssl_, version);
            SSL_set_max_proto_version(ssl_, version);
        }
        SSL_set_fd(ssl_, fd_);
        if (!name.empty()) SSL_set_tlsext_host_name(ssl_, std::string(name).c_str());
    }
    ~TlsClient() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
        ::close(fd_);
    }
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    [[nodiscard]] bool connect() const { return SSL_connect(ssl_) == 1; }
    [[nodiscard]] ssl_st* ssl() const { return ssl_; }
    [[nodiscard]] int fd() const { return fd_; }

    [[nodiscard]] bool send(std::string_view text) const {
        return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) ==
               static_cast<int>(text.size());
    }
    /// Up to so many bytes; less at the end of the connection.
    [[nodiscard]] std::string receive(std::size_t size) const {
        std::string text(size, '\0');
        std::size_t got = 0;
        while (got < size) {
            const int count = SSL_read(ssl_, text.data() + got, static_cast<int>(size - got));
            if (count <= 0) break;
            got += static_cast<std::size_t>(count);
        }
        text.resize(got);
        return text;
    }
    /// What `text` looks like on the wire, not sent.
    [[nodiscard]] std::string encrypt(std::string_view text) const {
        BIO* const socket = SSL_get_wbio(ssl_);
        BIO_up_ref(socket);
        BIO* const memory = BIO_new(BIO_s_mem());
        SSL_set0_wbio(ssl_, memory);
        static_cast<void>(send(text));
        char* data = nullptr;
        const long size = BIO_get_mem_data(memory, &data);
        std::string wire(data, static_cast<std::size_t>(size));
        SSL_set0_wbio(ssl_, socket);
        return wire;
    }
    void send_raw(std::string_view octets) const {
        static_cast<void>(::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL));
    }

  private:
    int fd_;
    SSL_CTX* context_;
    SSL* ssl_;
};

}  // namespace switchyard::net::test
