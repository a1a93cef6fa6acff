#pragma once

#include "base/colour.hpp"
#include "bench/switch/tally.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/json.hpp>

namespace switchyard::bench {

/// One page of the proxy's ledger: how the requests that were accepted have ended.
struct ProxyPage {
    std::uint64_t accepted = 0;
    std::uint64_t completed = 0;
    std::uint64_t client_abort = 0;
    std::uint64_t upstream_error = 0;
    std::uint64_t refused = 0;
    std::uint64_t cut = 0;

    std::uint64_t ended() const noexcept {
        return completed + client_abort + upstream_error + refused + cut;
    }
};

/// The proxy's ledger of one service: all of it, and by slot.
struct ProxyBooks {
    ProxyPage all;
    std::array<ProxyPage, 2> slots;  ///< By index_of(Colour).
};

/// What an origin has counted for the paths of one service.
struct OriginBooks {
    std::uint64_t started = 0;
    std::uint64_t answered = 0;
    std::uint64_t aborted = 0;
    std::uint64_t malformed = 0;
    std::uint64_t in_flight = 0;
};

/// Everybody's books at one moment. Only what was added between two moments is compared.
struct AllBooks {
    std::optional<ProxyBooks> proxy;  ///< None: the status has no books.
    std::array<std::optional<OriginBooks>, 2> origins;
};

/// From one service of the status; none if it has no books.
std::optional<ProxyBooks> read_proxy_books(const boost::json::object& service);
/// From an origin's /count.
OriginBooks read_origin_books(const boost::json::value& count,
                              std::span<const std::string_view> paths);

/// Checks that all say the same about what happened to `service` between `before` and `after`
/// (C18).
void compare_books(const std::string& service, const ClientBooks& clients, const AllBooks& before,
                   const AllBooks& after, Violations& violations);

ProxyPage operator-(const ProxyPage& a, const ProxyPage& b) noexcept;
OriginBooks operator-(const OriginBooks& a, const OriginBooks& b) noexcept;

}  // namespace switchyard::bench
