#pragma once

#include "integration/harness.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

/// Tests that say once for all ways to come in what has to hold for each of them.
namespace switchyard::test {

/// How the clients of a test come in.
enum class Transport {
    plain,  ///< HTTP/1.1
    tls,    ///< The same over TLS.
    h2c,    ///< HTTP/2 with prior knowledge.
    h2,     ///< HTTP/2 over TLS.
};

constexpr bool is_encrypted(Transport transport) {
    return transport == Transport::tls || transport == Transport::h2;
}
constexpr bool speaks_http2(Transport transport) {
    return transport == Transport::h2c || transport == Transport::h2;
}

inline std::string transport_name(const testing::TestParamInfo<Transport>& test) {
    static const char* const names[] = {"Plain", "Tls", "H2c", "H2"};
    return names[static_cast<std::size_t>(test.param)];
}
inline auto http1_transports() {
    return testing::Values(Transport::plain, Transport::tls);
}
inline auto http2_transports() {
    return testing::Values(Transport::h2c, Transport::h2);
}
inline auto all_transports() {
    return testing::Values(Transport::plain, Transport::tls, Transport::h2c, Transport::h2);
}

/// FrontDoor with a listener of its own for the test's way to come in; "127.0.0.1" stays plain.
class TransportDoor : public FrontDoor, public testing::WithParamInterface<Transport> {
  protected:
    /// `service` and `top` as of FrontDoor::config().
    void start_wire(std::string_view service = {}, std::string_view top = {}) {
        start_wire_as(config(service, top));
    }
    /// The same with a configuration that the test has changed itself.
    void start_wire_as(std::string yaml) {
        std::string listener;
        if (is_encrypted(GetParam())) {
            certificates_ = std::make_unique<TestCertificates>();
            listener = certificates_->listener("127.0.0.2:0");
        } else if (GetParam() == Transport::h2c) {
            listener = "  - {address: \"127.0.0.2:0\", h2c: true}\n";
        }
        yaml.insert(yaml.find("services:"), listener);
        // Our clients acknowledge SETTINGS when they first read, and some say much before that.
        if (over_http2() && yaml.find("http2: {") == std::string::npos) {
            yaml += "http2: {settings_timeout: 10m}\n";
        }
        start(yaml);
        wire_listener_ = listener.empty() ? 0 : 1;
        wire_address_ = daemon().address(wire_listener_);
    }

    /// restart(), on new ports.
    void restart_wire() {
        restart();
        wire_address_ = daemon().address(wire_listener_);
    }

    [[nodiscard]] const std::string& wire_address() const noexcept { return wire_address_; }
    [[nodiscard]] bool over_http2() const { return speaks_http2(GetParam()); }
    [[nodiscard]] bool encrypted() const { return is_encrypted(GetParam()); }
    /// Of the listener's certificates.
    [[nodiscard]] std::string ca_file() const { return certificates_->ca(); }

    /// A connection on which nothing was said yet.
    [[nodiscard]] Client knock() const {
        std::vector<std::string> alpn;
        if (over_http2()) alpn.emplace_back("h2");
        return knock(alpn);
    }
    [[nodiscard]] Client knock(const std::vector<std::string>& alpn) const {
        if (!encrypted()) return Client(wire_address_);
        return Client(wire_address_,
                      TlsOptions{.server_name = "localhost", .ca_file = ca_file(), .alpn = alpn});
    }

  private:
    std::unique_ptr<TestCertificates> certificates_;
    std::string wire_address_;
    std::size_t wire_listener_ = 0;
};

}  // namespace switchyard::test
