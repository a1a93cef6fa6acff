#pragma once

#include "http/exchange.hpp"
#include "net/address.hpp"
#include "net/stream.hpp"

#include <optional>
#include <string>

namespace switchyard::session {

/// Who is at the other end of a connection. Complete before a session begins; the connection's.
struct ClientFacts {
    explicit ClientFacts(const net::Address& from) : address(from), text(from.host_text()) {
        peer.address = text;
    }
    ClientFacts(const ClientFacts&) = delete;
    ClientFacts& operator=(const ClientFacts&) = delete;

    /// A balancer has said who the client is, and where it connected to.
    void named(const net::Address& client, const net::Address& its_server) {
        address = client;
        text = client.host_text();
        peer.address = text;
        server = its_server;
    }

    /// Asks the system for our end once, if nobody has said it.
    [[nodiscard]] http::Ends ends() const {
        if (!server && stream != nullptr && stream->is_open()) {
            server = net::local_address(stream->fd());
        }
        if (server && server_text.empty()) server_text = server->host_text();
        return {text, address.port(), server_text,
                server ? server->port() : static_cast<std::uint16_t>(0)};
    }

    net::Address address;
    std::string text;                     ///< The address without its port; `peer` points to it.
    http::Peer peer;                      ///< `trusted` is asked for anew with each request.
    const net::Stream* stream = nullptr;  ///< The connection's.
    mutable std::optional<net::Address> server;  ///< The end that the client connected to.
    mutable std::string server_text;
};

}  // namespace switchyard::session
