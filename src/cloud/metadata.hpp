#pragma once

#include "cloud/http_client.hpp"
#include "config/config.hpp"

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

namespace switchyard::cloud {

/// What the metadata service of the droplet that the daemon runs on says.
struct MetadataView {
    std::uint64_t droplet = 0;  ///< Its own id; 0: not known.
    bool active = false;        ///< A reserved IP is active on it.
    std::string anchor;         ///< Address that the reserved IP's traffic arrives at.
    std::string error;          ///< Why the rest is not known; empty: it is.
};

/// Asks the link-local service: plain HTTP, no token, answers of one line. `http` is kept until the
/// end; `limit` is for each request.
boost::asio::awaitable<MetadataView> read_metadata(std::shared_ptr<HttpClient> http, bool v6,
                                                   std::chrono::milliseconds limit);

}  // namespace switchyard::cloud
