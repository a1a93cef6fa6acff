#include "net/tls_library.hpp"

#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

namespace switchyard::net {

namespace {

/// Each takes two of the process's 1024 thread-specific keys, which others need, too.
constexpr unsigned kMost = 128;

/// Those that no thread uses. Never destroyed: what is kept in it is used to the process's end.
struct Shelf {
    std::mutex mutex;
    std::vector<OSSL_LIB_CTX*> contexts;
    unsigned made = 0;  ///< Also those that were of no use.
};

Shelf& shelf() {
    static auto* const instance = new Shelf;
    return *instance;
}

/// Null: the machine's configuration can't be read, or has something that fails, or that works once
/// a process only (`oid_section`), so that this context might not be as the default one is; or
/// there is no memory.
OSSL_LIB_CTX* make() {
    // The default context reads the file first, as it would without us.
    OPENSSL_init_ssl(0, nullptr);
    std::unique_ptr<OSSL_LIB_CTX, decltype(&OSSL_LIB_CTX_free)> made(OSSL_LIB_CTX_new(),
                                                                     OSSL_LIB_CTX_free);
    if (!made) return nullptr;
    constexpr unsigned long kAsTheDefault =
        CONF_MFLAGS_DEFAULT_SECTION | CONF_MFLAGS_IGNORE_MISSING_FILE;
    if (CONF_modules_load_file_ex(made.get(), nullptr, nullptr, kAsTheDefault) != 1) return nullptr;
    EVP_MD* const digest = EVP_MD_fetch(made.get(), "SHA2-256", nullptr);
    if (digest == nullptr) return nullptr;
    EVP_MD_free(digest);
    unsigned char octet = 0;
    if (RAND_bytes_ex(made.get(), &octet, 1, 0) != 1) return nullptr;
    return made.release();
}

/// One of the shelf, or a new one.
OSSL_LIB_CTX* take() {
    Shelf& from = shelf();
    const std::lock_guard lock(from.mutex);
    if (from.contexts.empty()) {
        if (from.made >= kMost) return nullptr;
        ++from.made;
        return make();
    }
    OSSL_LIB_CTX* const found = from.contexts.back();
    from.contexts.pop_back();
    return found;
}

}  // namespace

TlsLibrary::TlsLibrary() noexcept : context_(nullptr) {
    try {
        context_ = take();
    } catch (const std::exception&) {
        // No memory, and so no context.
    }
    ERR_clear_error();
}

TlsLibrary::~TlsLibrary() {
    if (context_ == nullptr) return;
    try {
        const std::lock_guard lock(shelf().mutex);
        shelf().contexts.push_back(context_);
    } catch (const std::exception&) {
        // It stays in memory, and nobody uses it any more.
    }
}

void TlsLibrary::use() const noexcept {
    if (context_ != nullptr) OSSL_LIB_CTX_set0_default(context_);
}

}  // namespace switchyard::net
