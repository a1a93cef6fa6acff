#pragma once

#include "integration/transport.hpp"
#include "support/visitor.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json.hpp>
#include <gtest/gtest.h>

/// What the tests of the switch contract share. They run over all transports but where they say
/// something of one protocol. Each of their names begins with the number of the
/// guarantee that it proves.
namespace switchyard::test {

/// A number in a JSON object.
inline std::int64_t number(const boost::json::value& object, std::string_view key) {
    return object.at(key).to_number<std::int64_t>();
}

/// Health checks so rare that they don't disturb what an origin counts.
inline std::string with_rare_checks(std::string yaml) {
    constexpr std::string_view kOften = "interval: 50ms";
    return yaml.replace(yaml.find(kOften), kOften.size(), "interval: 60s");
}

class SwitchContract : public TransportDoor {
  protected:
    using FrontDoor::start;

    /// Starts with a plain listener, and one for the test's way to come in.
    void start_over_transport(const std::string& yaml) { start_wire_as(yaml); }
    void start_over_transport() { start_wire(); }

    /// A client connection over the test's transport.
    [[nodiscard]] Client come_in() const { return TransportDoor::knock(); }
    /// The same for requests that are said in either protocol.
    [[nodiscard]] Visitor visit() const { return {come_in(), over_http2()}; }

    /// A request that its origin has and that is in flight until finish(), or until it is cut: half
    /// an upload.
    [[nodiscard]] Visitor hold(Colour at) {
        return begin(at, "/upload", [](Visitor& visitor) {
            visitor.begin("POST", "/upload", 10);
            visitor.send("12345");
        });
    }
    static Response finish(Visitor& visitor) {
        visitor.send("67890", true);
        return visitor.answer();
    }
    static std::string colour_of_upload(const Response& response) {
        return std::string(boost::json::parse(response.body).at("colour").as_string());
    }

    /// A request without a body that its origin has and won't answer for a minute.
    [[nodiscard]] Visitor long_poll(Colour at) {
        return begin(at, "/sleep", [](Visitor& visitor) { visitor.ask("GET", "/sleep?ms=60000"); });
    }

    /// Sends it on a connection of its own, and returns when its origin has it.
    [[nodiscard]] Visitor begin(Colour at, std::string_view path,
                                const std::function<void(Visitor&)>& request) {
        const auto before = in_flight(at, path);
        Visitor visitor = visit();
        request(visitor);
        EXPECT_TRUE(eventually([&] { return in_flight(at, path) == before + 1; }));
        return visitor;
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
    /// A request of its own connection that waits at the door: a GET of "/", unless `request` says
    /// another.
    [[nodiscard]] Visitor knock(const std::function<void(Visitor&)>& request = {}) const {
        const auto before = held();
        Visitor visitor = visit();
        if (request) {
            request(visitor);
        } else {
            visitor.ask("GET", "/");
        }
        EXPECT_TRUE(wait_held(before + 1));
        return visitor;
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
};

}  // namespace switchyard::test
