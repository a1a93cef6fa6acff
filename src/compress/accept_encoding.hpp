#pragma once

#include "config/config.hpp"
#include "http/head.hpp"

#include <optional>
#include <span>

namespace switchyard::compress {

/// The coding that a response may have for this client (RFC 9110 §12.5.3): of those in `preferred`
/// that it takes the one that it likes best, and of several the one that stands first there. None:
/// the response stays as it is; also for a client that says nothing of codings, and for one that
/// likes the response as it is better. What is malformed counts for nothing.
[[nodiscard]] std::optional<config::Compression::Algorithm> choose_coding(
    const http::Fields& request,
    std::span<const config::Compression::Algorithm> preferred) noexcept;

}  // namespace switchyard::compress
