#include "server/options.hpp"

namespace switchyard::server {

WorkerOptions::WorkerOptions(const config::Config& config)
    : trusted_proxies(config.trusted_proxies),
      connections(config.limits.connections),
      connections_per_address(config.limits.connections_per_address) {
    auto made = std::make_shared<h1::ServerOptions>();
    made->limits = {config.limits.head_bytes, config.limits.header_count,
                    config.limits.target_bytes};
    made->body_bytes = config.limits.body_bytes;
    made->tls_handshake = config.timeouts.tls_handshake;
    made->request_head = config.timeouts.request_head;
    made->request_body = config.timeouts.request_body;
    made->response_write = config.timeouts.response_write;
    made->keep_alive = config.timeouts.keep_alive;
    session = std::move(made);

    auto forwarding = std::make_shared<relay::RelayOptions>();
    forwarding->body_bytes = config.limits.body_bytes;
    if (!config.via.empty()) {
        forwarding->via_request = "1.1 " + config.via;
        forwarding->via_line = "Via: 1.1 " + config.via + "\r\n";
    }
    forwarding->error_pages = config.error_pages;
    relay = std::move(forwarding);
}

}  // namespace switchyard::server
