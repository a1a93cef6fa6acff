#include "net/ticket_keys.hpp"

#include <cstring>
#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

namespace switchyard::net {

namespace {

int ex_data_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

/// RFC 5077: a ticket is key name, IV, AES-256-CBC state and HMAC-SHA-256.
int ticket_callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                    EVP_MAC_CTX* mac, int encrypt) {
    auto* keys =
        static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ex_data_index()));
    if (keys == nullptr) return -1;
    TicketKeys::Key key;
    bool newest = true;
    if (encrypt == 1) {
        key = keys->current();
        std::memcpy(name, key.name.data(), key.name.size());
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
        if (EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv) != 1) {
            return -1;
        }
    } else {
        key = keys->find(name, newest);
        if (!key.valid) return 0;
        if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv) != 1) {
            return -1;
        }
    }
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.hmac.data(), key.hmac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    if (EVP_MAC_CTX_set_params(mac, parameters) != 1) return -1;
    // A client of TLS 1.3 uses each ticket once (RFC 8446 §C.4): without a new one from this
    // handshake, its next would be a full one.
    const bool renew = encrypt == 0 && (!newest || SSL_version(ssl) >= TLS1_3_VERSION);
    return renew ? 2 : 1;
}

}  // namespace

TicketKeys::TicketKeys() {
    rotate(std::chrono::steady_clock::now());
}

void TicketKeys::rotate(std::chrono::steady_clock::time_point now) {
    Key key;
    if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
        RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) != 1 ||
        RAND_priv_bytes(key.hmac.data(), static_cast<int>(key.hmac.size())) != 1) {
        // Without randomness the old key goes on; without any key there is nothing to start with.
        if (keys_[0].valid) return;
        throw std::runtime_error("no random numbers for TLS ticket keys");
    }
    key.valid = true;
    keys_[2] = keys_[1];
    keys_[1] = keys_[0];
    keys_[0] = key;
    made_ = now;
}

TicketKeys::Key TicketKeys::current() {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now - made_ >= kRotation) rotate(now);
    return keys_[0];
}

TicketKeys::Key TicketKeys::find(const unsigned char* name, bool& newest) {
    const std::lock_guard lock(mutex_);
    for (const Key& key : keys_) {
        if (key.valid && std::memcmp(key.name.data(), name, key.name.size()) == 0) {
            newest = &key == &keys_[0];
            return key;
        }
    }
    return {};
}

void TicketKeys::install(ssl_ctx_st* context) {
    SSL_CTX_set_ex_data(context, ex_data_index(), this);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_callback);
}

}  // namespace switchyard::net
