#pragma once

#include "integration/transport.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

/// What conformance tests start with: the front door of the integration tests with a TLS listener
/// beside the plain one. Each suite runs over both.
namespace switchyard::test {

/// TransportDoor for clients of HTTP/1: open() gives a connection.
class Wire : public TransportDoor {
  protected:
    [[nodiscard]] Client open() const { return knock(); }

    /// One request on a connection of its own.
    [[nodiscard]] Response ask(std::string_view method, std::string_view target,
                               const Fields& fields = {}, std::string_view body = {}) const {
        auto client = open();
        return exchange(client, method, target, fields, body);
    }

    /// Sends these bytes and reads one response.
    [[nodiscard]] Response ask_raw(std::string_view bytes, std::string_view method = "GET") const {
        auto client = open();
        client.send(bytes);
        return read_response(client, method);
    }

    /// How many complete heads the live origin saw for a path.
    [[nodiscard]] int started(std::string_view path) {
        return origin(Colour::blue).books(path).at("started").to_number<int>();
    }
};

/// Sends up to so many bytes, as far as they are taken, until an answer begins to come.
inline void send_until_answered(Client& client, std::size_t bytes) {
    const std::string piece(1'000'000, 'x');
    const Deadline patience;
    for (std::size_t sent = 0; sent < bytes && !patience.passed() && client.quiet_for(1ms);)
        sent += client.send_some(piece, Deadline(50ms));
}

/// To instantiate a suite of Wire's over both.
inline auto both_transports() {
    return http1_transports();
}

/// An answer of the proxy itself: this status, marked as such.
inline void expect_own_error(const Response& response, int status, std::string_view code) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.field("X-Switchyard-Error").value_or("-"), code);
    EXPECT_TRUE(response.field("X-Request-Id"));
    EXPECT_TRUE(response.field("Date"));
    EXPECT_FALSE(response.field("X-Origin-Colour"));
}

/// The request as the origin got it (/echo): values of one field, in order.
inline std::vector<std::string> seen(const Response& echo, std::string_view name) {
    std::vector<std::string> values;
    const auto json = boost::json::parse(echo.body);
    for (const auto& field : json.at("headers").as_array()) {
        if (equal_ignoring_case(std::string_view(field.at(0).as_string()), name)) {
            values.emplace_back(field.at(1).as_string());
        }
    }
    return values;
}
inline std::string seen_text(const Response& echo, std::string_view member) {
    const auto json = boost::json::parse(echo.body);
    return std::string(json.at(member).as_string());
}

using Strings = std::vector<std::string>;

}  // namespace switchyard::test
