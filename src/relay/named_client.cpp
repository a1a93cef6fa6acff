#include "relay/named_client.hpp"

#include "net/proxy_protocol.hpp"
#include "relay/flight.hpp"

#include <optional>

namespace switchyard::relay {

void name_client(Flight& flight, const route::Target& target) {
    const http::Ends ends = flight.exchange->ends();
    const std::optional<net::Address> client = net::make_address(ends.client, ends.client_port);
    const std::optional<net::Address> server = net::make_address(ends.server, ends.server_port);
    net::append_proxy_header(flight.proxy_header, target.config().proxy_protocol,
                             client.value_or(net::Address()), server.value_or(net::Address()));
}

}  // namespace switchyard::relay
