#pragma once

#include "http/exchange.hpp"
#include "net/stream.hpp"

namespace switchyard::h1 {

/// What the end of a transfer on a stream means for the message that was being moved.
[[nodiscard]] constexpr http::Fault fault_of(net::IoStatus status) noexcept {
    switch (status) {
        case net::IoStatus::ok:
            return http::Fault::none;
        case net::IoStatus::eof:
            return http::Fault::closed;
        case net::IoStatus::timed_out:
            return http::Fault::timed_out;
        case net::IoStatus::cancelled:
            return http::Fault::cancelled;
        default:
            return http::Fault::reset;
    }
}

}  // namespace switchyard::h1
