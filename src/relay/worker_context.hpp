#pragma once

#include "config/config.hpp"
#include "net/event_loop.hpp"
#include "observe/access_log.hpp"
#include "observe/slot_metrics.hpp"
#include "observe/wall_clock.hpp"
#include "route/snapshot.hpp"
#include "upstream/balancer.hpp"
#include "upstream/http2_pool.hpp"
#include "upstream/pool.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace switchyard::relay {

/// Settings of the relay that are not a service's; replaced as a whole by a reload.
struct RelayOptions {
    std::uint64_t body_bytes = 0;
    std::string via_request;        ///< Value of Via on requests, "1.1 switchyard"; empty: none.
    std::string via_request_http2;  ///< The same for requests that came over HTTP/2.
    std::string via_line;           ///< The complete line on responses, or empty.
    std::string via_line_http2;     ///< The same on responses that came over HTTP/2.
    std::vector<config::Cidr> trusted_proxies;
    std::map<unsigned, config::ErrorPage> error_pages;
};

/// What a relay uses of its worker. Everything belongs to the worker's thread, but for the snapshot
/// pointer that the publisher stores into.
struct WorkerContext {
    std::size_t index = 0;
    net::EventLoop& loop;
    const std::atomic<const route::Snapshot*>& snapshot;
    upstream::Pool& pool;
    upstream::Http2Pool& http2;
    upstream::Random& random;
    observe::WorkerCell& counters;
    observe::AccessSink* access_log = nullptr;  ///< Null: off. Changed by a reload.
    std::shared_ptr<const RelayOptions> options;
    observe::WallClock wall;  ///< Of the log's lines.
};

}  // namespace switchyard::relay
