#include "net/tls_library.hpp"

#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

namespace switchyard::net {

namespace {

/// Those that no thread uses. Never destroyed: what is kept in it is used to the process's end.
struct Shelf {
    std::mutex mutex;
    std::vector<OSSL_LIB_CTX*> contexts;
};

Shelf& shelf() {
    static auto* const instance = new Shelf;
    return *instance;
}

OSSL_LIB_CTX* from_shelf() {
    const std::lock_guard lock(shelf().mutex);
    if (shelf().contexts.empty()) return nullptr;
    OSSL_LIB_CTX* const found = shelf().contexts.back();
    shelf().contexts.pop_back();
    return found;
}

/// Null: the machine's configuration has something that works once a process only.
OSSL_LIB_CTX* make() {
    // The default context reads the file first, as it would without us.
    OPENSSL_init_ssl(0, nullptr);
    std::unique_ptr<OSSL_LIB_CTX, decltype(&OSSL_LIB_CTX_free)> made(OSSL_LIB_CTX_new(),
                                                                     OSSL_LIB_CTX_free);
    if (!made) return nullptr;
    constexpr unsigned long kAsTheDefault = CONF_MFLAGS_DEFAULT_SECTION |
                                            CONF_MFLAGS_IGNORE_MISSING_FILE |
                                            CONF_MFLAGS_IGNORE_RETURN_CODES;
    if (CONF_modules_load_file_ex(made.get(), nullptr, nullptr, kAsTheDefault) != 1) return nullptr;
    EVP_MD* const digest = EVP_MD_fetch(made.get(), "SHA2-256", nullptr);
    if (digest == nullptr) return nullptr;
    EVP_MD_free(digest);
    return made.release();
}

}  // namespace

TlsLibrary::TlsLibrary() noexcept : context_(nullptr) {
    try {
        context_ = from_shelf();
        if (context_ == nullptr) context_ = make();
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
