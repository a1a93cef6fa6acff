#pragma once

#include "cloud/digitalocean.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace switchyard::cloud {

/// What a token is good for, and whether IP and droplets fit together.
struct TokenReport {
    std::vector<std::string> missing;   ///< Scopes: "reserved_ip:update".
    std::vector<std::string> problems;  ///< Sentences: a droplet in another region.
    std::vector<std::string> untested;  ///< Sentences: what could not be asked and why.

    [[nodiscard]] bool good() const noexcept { return missing.empty() && problems.empty(); }
    [[nodiscard]] bool complete() const noexcept { return untested.empty(); }
};

/// Tests the scopes that a move needs by asking for what each allows, and that every droplet exists
/// and is in the IP's region (a reserved IP can't leave its datacenter). Changes nothing. `seen`: a
/// look at the IP that was made already, else one is made. `api` is kept until the end.
boost::asio::awaitable<TokenReport> check_token(std::shared_ptr<DigitalOcean> api,
                                                std::vector<std::uint64_t> droplets,
                                                std::optional<IpView> seen);

}  // namespace switchyard::cloud
