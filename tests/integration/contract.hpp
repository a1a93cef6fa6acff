#pragma once

#include "integration/harness.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <boost/json.hpp>
#include <gtest/gtest.h>

/// What the tests of the switch contract share. Each of their names begins with the number of the
/// guarantee that it proves.
namespace switchyard::test {

/// How the clients of a test come in.
enum class Transport { plain, tls };

inline std::string transport_name(const testing::TestParamInfo<Transport>& info) {
    return info.param == Transport::plain ? "plain" : "tls";
}

/// A number in a JSON object.
inline std::int64_t number(const boost::json::value& object, std::string_view key) {
    return object.at(key).to_number<std::int64_t>();
}

/// Health checks so rare that they don't disturb what an origin counts.
inline std::string with_rare_checks(std::string yaml) {
    constexpr std::string_view kOften = "interval: 50ms";
    return yaml.replace(yaml.find(kOften), kOften.size(), "interval: 60s");
}

class SwitchContract : public FrontDoor, public testing::WithParamInterface<Transport> {
  protected:
    using FrontDoor::start;

    /// Starts with a plain listener and, if the test's parameter says so, one with TLS for its
    /// clients.
    void start_over_transport(std::string yaml) {
        tls_ = GetParam() == Transport::tls;
        if (tls_) {
            certificates_ = std::make_unique<TestCertificates>();
            yaml.insert(yaml.find("services:"), certificates_->listener("127.0.0.2:0"));
        }
        start(yaml);
        client_address_ = daemon().address(tls_ ? 1 : 0);
    }
    void start_over_transport() { start_over_transport(config()); }

    /// A client connection over the test's transport.
    [[nodiscard]] Client come_in() const {
        if (!tls_) return Client(client_address_.empty() ? address() : client_address_);
        return Client(
            client_address_,
            TlsOptions{.server_name = "localhost", .ca_file = certificates_->ca(), .alpn = {}});
    }

    /// A request that its origin has and that is in flight until finish(), or until it is cut: half
    /// an upload.
    [[nodiscard]] Client hold(Colour at) {
        return begin(at, "/upload",
                     request_text("POST", "/upload", {{"Content-Length", "10"}}) + "12345");
    }
    static Response finish(Client& client) {
        client.send("67890");
        return read_response(client, "POST");
    }
    static std::string colour_of_upload(const Response& response) {
        return std::string(boost::json::parse(response.body).at("colour").as_string());
    }

    /// A request without a body that its origin has and won't answer for a minute.
    [[nodiscard]] Client long_poll(Colour at) {
        return begin(at, "/sleep", request_text("GET", "/sleep?ms=60000"));
    }

    /// Sends it on a connection of its own, and returns when its origin has it.
    [[nodiscard]] Client begin(Colour at, std::string_view path, const std::string& request) {
        const auto before = in_flight(at, path);
        auto client = come_in();
        client.send(request);
        EXPECT_TRUE(eventually([&] { return in_flight(at, path) == before + 1; }));
        return client;
    }

    [[nodiscard]] std::int64_t in_flight(Colour colour, std::string_view path) {
        return number(origin(colour).books(path), "in_flight");
    }
    [[nodiscard]] std::int64_t started(Colour colour, std::string_view path) {
        return number(origin(colour).books(path), "started");
    }

    /// A switch whose answer is read line by line, to the end of the drain.
    [[nodiscard]] AdminStream switching(Colour to, std::string_view more = {}) const {
        return command("switch", R"("to":")" + std::string(to_string(to)) + '"', more);
    }
    [[nodiscard]] AdminStream rolling_back(std::string_view more = {}) const {
        return command("rollback", R"("force":false)", more);
    }

    [[nodiscard]] std::string live() const {
        return std::string(admin().service("app").at("live").as_string());
    }
    [[nodiscard]] std::int64_t epoch() const { return number(admin().service("app"), "epoch"); }

    /// Holds "app" and returns when it is acknowledged; the hold goes on.
    boost::json::value hold_service(std::string_view more = R"("max_ms":60000)") const {
        const auto answer =
            admin().post("/v1/services/app/hold", "{\"wait\":false," + std::string(more) + "}");
        EXPECT_EQ(answer.status, 200) << answer.response.body;
        return answer.event("held");
    }
    /// Returns when everybody who waited has gone on.
    boost::json::value release_service() const {
        const auto answer = admin().post("/v1/services/app/release");
        EXPECT_EQ(answer.status, 200) << answer.response.body;
        return answer.json();
    }
    /// Of the hold in force.
    [[nodiscard]] std::int64_t held() const {
        const auto service = admin().service("app");
        const auto& hold = service.at("hold");
        return hold.is_object() ? number(hold, "held") : 0;
    }
    [[nodiscard]] bool wait_held(std::int64_t count) const {
        return eventually([&] { return held() == count; });
    }
    /// A request of its own connection that waits at the door.
    [[nodiscard]] Client knock(const std::string& request) const {
        const auto before = held();
        auto client = come_in();
        client.send(request);
        EXPECT_TRUE(wait_held(before + 1));
        return client;
    }
    void maintain(bool on, std::string_view more = {}) const {
        const auto answer = admin().post(
            "/v1/services/app/maintenance",
            std::string(R"({"on":)") + (on ? "true" : "false") + std::string(more) + "}");
        EXPECT_EQ(answer.status, 200) << answer.response.body;
    }

  private:
    [[nodiscard]] AdminStream command(std::string_view action, std::string body,
                                      std::string_view more) const {
        if (!more.empty()) body.append(",").append(more);
        return AdminStream(admin().socket(), "POST", "/v1/services/app/" + std::string(action),
                           "{" + body + "}");
    }

    bool tls_ = false;
    std::unique_ptr<TestCertificates> certificates_;
    std::string client_address_;
};

}  // namespace switchyard::test
