#include "config/address.hpp"
#include "config/cidr.hpp"
#include "config/names.hpp"
#include "config/read.hpp"

namespace switchyard::config {
namespace {

void read_proxy_protocol(Section& section, Listener& listener) {
    const bool any = section.texts("from", parse_ranges, [&](std::vector<Cidr> ranges, Mark) {
        listener.proxy_protocol_from.insert(listener.proxy_protocol_from.end(), ranges.begin(),
                                            ranges.end());
    });
    if (any) return;
    section.missing("from",
                    "expected the networks of the balancers that send the header, like "
                    "[\"10.0.0.0/8\"]; what anybody may send says nothing");
}

}  // namespace

Listener read_listener(Section& section, FileClaims& claims) {
    Listener listener;
    Endpoint endpoint;
    section.read("address", endpoint, parse_endpoint);
    if (!section.has("address")) {
        section.missing("address", "expected 'address:port', like \"0.0.0.0:80\"");
    } else if (!endpoint.host.empty()) {
        listener.address = endpoint.text();
        listener.host = endpoint.host;
        listener.port = endpoint.port;
        const Mark mark = section.mark("address");
        // Port 0 is another port each time.
        const auto* earlier =
            endpoint.port == 0 ? nullptr : claims.listeners.claim(listener.address, "", mark);
        if (earlier != nullptr) {
            section.problem(mark, "address",
                            "a second listener on " + in_quotes(listener.address) + ", " +
                                first_given(earlier->mark));
        }
    }
    section.flag("redirect_to_https", listener.redirect_to_https);
    section.number("https_port", listener.https_port, 1, 65535);
    section.section("tls", [&](Section& inner) { read_tls(inner, listener.tls.emplace()); });
    section.flag("h2c", listener.h2c);
    section.section("proxy_protocol",
                    [&](Section& inner) { read_proxy_protocol(inner, listener); });
    if (listener.h2c && listener.tls) {
        section.problem(section.mark("h2c"), "h2c",
                        "impossible together with 'tls', where HTTP/2 is negotiated; see 'http2'");
    }
    if (listener.redirect_to_https && listener.tls) {
        section.problem(section.mark("redirect_to_https"), "redirect_to_https",
                        "impossible together with 'tls': the listener speaks https already");
    }
    if (section.has("https_port") && !listener.redirect_to_https) {
        section.problem(section.mark("https_port"), "https_port",
                        "has a meaning only together with 'redirect_to_https: true'");
    }
    return listener;
}

}  // namespace switchyard::config
