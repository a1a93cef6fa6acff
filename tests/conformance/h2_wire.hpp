#pragma once

#include "integration/transport.hpp"
#include "support/h2_client.hpp"

#include <string>
#include <string_view>

#include <boost/json.hpp>
#include <gtest/gtest.h>

/// What the conformance tests of HTTP/2 start with. Each suite runs with prior knowledge and over
/// TLS.
namespace switchyard::test {

inline auto both_transports() {
    return http2_transports();
}

/// TransportDoor for clients of HTTP/2.
class H2Wire : public TransportDoor {
  protected:
    [[nodiscard]] H2Client come_in(std::string_view settings = {}) const {
        return H2Client(knock(), settings);
    }

    [[nodiscard]] Response ask(std::string_view method, std::string_view path,
                               const Fields& fields = {}, std::string_view body = {}) const {
        auto client = come_in();
        return client.exchange(method, path, fields, body);
    }

    /// How many complete heads the live origin saw for a path.
    [[nodiscard]] int started(std::string_view path) {
        return origin(Colour::blue).books(path).at("started").to_number<int>();
    }
    [[nodiscard]] int in_flight(std::string_view path) {
        return origin(Colour::blue).books(path).at("in_flight").to_number<int>();
    }

    /// After these octets, on a connection that was fine until then, comes GOAWAY with this code.
    void expect_connection_error(std::string_view octets, H2Code code) const {
        auto client = come_in();
        client.settle();
        client.send(octets);
        expect_goaway(client, code);
    }
    static void expect_goaway(H2Client& client, H2Code code) {
        H2Goaway goaway;
        ASSERT_NO_THROW(goaway = client.wait_goaway());
        EXPECT_EQ(goaway.code, code) << goaway.debug;
        client.gives_windows = client.acknowledges = false;
        client.wait_end();
    }

    /// These octets end stream 1 with this code; the connection goes on.
    void expect_stream_error(std::string_view octets, H2Code code) const {
        auto client = come_in();
        client.send(octets);
        expect_reset(client, 1, code);
    }
    static void expect_reset(H2Client& client, std::uint32_t stream, H2Code code) {
        const H2Answer* answer = nullptr;
        ASSERT_NO_THROW(answer = &client.wait(stream));
        // An answer may have been under way.
        while (!answer->reset)
            ASSERT_TRUE(client.read_frame());
        EXPECT_EQ(*answer->reset, code);
        EXPECT_TRUE(client.goaways().empty());
        ASSERT_NO_THROW(client.settle());
    }
};

/// A HEADERS frame with these fields on a stream.
inline std::string headers(std::uint32_t stream, const Fields& fields,
                           std::uint8_t flags = kEndHeaders | kEndStream) {
    return frame(FrameType::headers, flags, stream, header_block(fields));
}

/// The request as the origin got it (/echo): values of one field, in order.
inline std::vector<std::string> seen(const Response& echo, std::string_view name) {
    std::vector<std::string> values;
    const auto json = boost::json::parse(echo.body);
    for (const auto& field : json.at("headers").as_array()) {
        if (std::string_view(field.at(0).as_string()) == name) {
            values.emplace_back(field.at(1).as_string());
        }
    }
    return values;
}
inline std::string seen_text(const Response& echo, std::string_view member) {
    const auto json = boost::json::parse(echo.body);
    return std::string(json.at(member).as_string());
}

/// What the blue origin sends where it is asked for so many bytes.
inline std::string blue_bytes(std::size_t size) {
    std::string text(size, '\0');
    fill_pattern(Colour::blue, 0, text);
    return text;
}

using Strings = std::vector<std::string>;

}  // namespace switchyard::test
