#include "config/address.hpp"
#include "config/names.hpp"
#include "config/read.hpp"

namespace switchyard::config {
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
