#pragma once

#include "conformance/raw_h2_origin.hpp"
#include "integration/harness.hpp"

#include <string>
#include <string_view>

/// What the tests of HTTP/2 to the targets start with: an origin of the test's own in the blue
/// slot.
namespace switchyard::test {

using Request = RawH2Origin::Request;

class H2Origin : public FrontDoor {
  protected:
    /// The blue slot is `target`, over HTTP/2; green is the usual origin, over HTTP/1.1.
    [[nodiscard]] std::string config_for(const std::string& target, std::string_view service = {},
                                         std::string_view top = {}) {
        auto yaml = config(service, top);
        const auto blue = origin(Colour::blue).address();
        yaml.replace(yaml.find(blue), blue.size() + 2, target + "\"]\n        protocol: h2c");
        const std::string_view listener = "  - address: \"127.0.0.1:0\"\n";
        yaml.insert(yaml.find(listener) + listener.size(), "    h2c: true\n");
        return yaml;
    }
    void start_with(const RawH2Origin& target, std::string_view service = {},
                    std::string_view top = {}) {
        start(config_for(target.address(), service, top));
    }
    [[nodiscard]] H2Client come_in() const { return H2Client(connect()); }
};

}  // namespace switchyard::test
