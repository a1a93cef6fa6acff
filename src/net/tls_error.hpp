#pragma once

#include <string>

#include <openssl/err.h>

namespace switchyard::net {

/// What the last call of OpenSSL on this thread failed for, in its own words; forgets it.
inline std::string openssl_reason() {
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    ERR_clear_error();
    return reason != nullptr ? reason : "unknown error";
}

}  // namespace switchyard::net
