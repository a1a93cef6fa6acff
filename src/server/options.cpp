#include "server/options.hpp"

#include "base/pipe.hpp"
#include "server/descriptors.hpp"

#include <algorithm>
#include <thread>

namespace switchyard::server {

namespace {

bool takes_upgrades(const config::Config& config) {
    return std::any_of(config.services.begin(), config.services.end(), [](const auto& service) {
        return service.upgrade.any || !service.upgrade.protocols.empty();
    });
}

}  // namespace

std::size_t pipes_by_descriptors(std::size_t workers) noexcept {
    const std::size_t wanted = workers * Pipe::kPipes;
    const std::size_t all = descriptors();
    return all == 0 ? wanted : std::min(wanted, all / 16);
}

std::size_t worker_count(const config::Config& config) noexcept {
    return config.workers != 0 ? config.workers : std::max(1U, std::thread::hardware_concurrency());
}

WorkerOptions::WorkerOptions(const config::Config& config)
    : connections(config.limits.connections != 0
                      ? config.limits.connections
                      : connections_by_descriptors(pipes_by_descriptors(worker_count(config)))),
      connections_per_address(config.limits.connections_per_address) {
    auto made = std::make_shared<session::ServerOptions>();
    made->limits = {config.limits.head_bytes, config.limits.header_count,
                    config.limits.target_bytes};
    made->body_bytes = config.limits.body_bytes;
    made->tls_handshake = config.timeouts.tls_handshake;
    made->request_head = config.timeouts.request_head;
    made->request_body = config.timeouts.request_body;
    made->response_write = config.timeouts.response_write;
    made->keep_alive = config.timeouts.keep_alive;
    made->http2 = {config.http2.max_concurrent_streams,
                   config.http2.stream_window,
                   config.http2.header_table,
                   config.http2.continuations,
                   config.http2.resets_per_second,
                   config.http2.settings_per_second,
                   config.http2.pings_per_second,
                   config.http2.ignored_frames_per_second,
                   config.http2.empty_frames_per_second,
                   config.http2.window_updates_per_second,
                   config.http2.settings_timeout,
                   takes_upgrades(config)};
    session = std::move(made);

    auto forwarding = std::make_shared<relay::RelayOptions>();
    forwarding->body_bytes = config.limits.body_bytes;
    if (!config.via.empty()) {
        forwarding->via_request = "1.1 " + config.via;
        forwarding->via_request_http2 = "2 " + config.via;
        forwarding->via_line = "Via: 1.1 " + config.via + "\r\n";
        forwarding->via_line_http2 = "Via: 2 " + config.via + "\r\n";
    }
    forwarding->trusted_proxies = config.trusted_proxies;
    forwarding->error_pages = config.error_pages;
    relay = std::move(forwarding);
}

}  // namespace switchyard::server
