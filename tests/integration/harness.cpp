#include "integration/harness.hpp"

#include <stdexcept>

namespace switchyard::test {

std::string FrontDoor::config(std::string_view service, std::string_view top) const {
    std::string yaml =
        "listeners:\n"
        "  - address: \"127.0.0.1:0\"\n"
        "services:\n"
        "  app:\n"
        "    hosts: [\"*\"]\n"
        "    slots:\n"
        "      blue:\n"
        "        targets: [\"" +
        blue_.address() +
        "\"]\n"
        "      green:\n"
        "        targets: [\"" +
        green_.address() +
        "\"]\n"
        "    health_check: {path: /up, interval: 50ms, timeout: 2s, healthy_after: 1,"
        " unhealthy_after: 2}\n";
    yaml.append(service);
    if (!yaml.ends_with('\n')) yaml += '\n';
    return yaml.append(top);
}

void FrontDoor::start(const std::string& yaml) {
    daemon_ = std::make_unique<Daemon>(yaml);
    restart();
}

void FrontDoor::restart() {
    if (daemon_->running()) daemon_->kill();
    daemon_->start();
    address_ = daemon_->address();
    for (const auto colour : kColours) {
        if (!daemon_->wait_healthy("app", colour)) {
            throw std::runtime_error(std::string(to_string(colour)) + " did not become healthy:\n" +
                                     daemon_->log());
        }
    }
}

void FrontDoor::switch_to(Colour colour, std::string_view more) {
    const auto answer = admin().switch_to("app", to_string(colour), more);
    ASSERT_EQ(answer.status, 200) << answer.response.body;
    ASSERT_NO_THROW(static_cast<void>(answer.event("committed")));
}

std::string colour_of(const Response& response) {
    return response.field("X-Origin-Colour").value_or("");
}

}  // namespace switchyard::test
