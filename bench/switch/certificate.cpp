#include "bench/switch/certificate.hpp"

#include <cstdio>
#include <memory>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace switchyard::bench {
namespace {

template <typename T, void (*Free)(T*)>
struct Freed {
    void operator()(T* pointer) const { Free(pointer); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION, X509_EXTENSION_free>>;

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

void require(bool condition, const char* what) {
    if (!condition) throw std::runtime_error(std::string("cannot make a certificate: ") + what);
}

}  // namespace

void write_certificate(const std::string& name, const std::string& certificate_file,
                       const std::string& key_file) {
    const Key key(EVP_EC_gen("P-256"));
    require(key != nullptr, "no key");
    const Certificate certificate(X509_new());
    require(certificate != nullptr, "out of memory");
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 30L * 24 * 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), subject);
    const Extension names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str()));
    require(names && X509_add_ext(certificate.get(), names.get(), -1) == 1, "no names");
    require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "cannot sign");

    const File certificate_out(std::fopen(certificate_file.c_str(), "w"));
    const File key_out(std::fopen(key_file.c_str(), "w"));
    require(certificate_out && key_out, "cannot write the files");
    require(PEM_write_X509(certificate_out.get(), certificate.get()) == 1, "cannot write it");
    require(
        PEM_write_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "cannot write the key");
}

}  // namespace switchyard::bench
