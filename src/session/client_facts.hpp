#pragma once

#include "http/exchange.hpp"
#include "net/address.hpp"

#include <string>

namespace switchyard::session {

/// Who is at the other end of a connection. Complete before a session begins; the connection's.
struct ClientFacts {
    explicit ClientFacts(const net::Address& from) : address(from), text(from.host_text()) {
        peer.address = text;
    }
    ClientFacts(const ClientFacts&) = delete;
    ClientFacts& operator=(const ClientFacts&) = delete;

    net::Address address;
    std::string text;  ///< The address without its port; `peer` points to it.
    http::Peer peer;   ///< `trusted` is asked for anew with each request.
};

}  // namespace switchyard::session
