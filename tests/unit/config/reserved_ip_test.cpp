// The section reserved_ip, droplets of slots, and URLs.
#include "config/url.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;
using test::problems_of;
using testing::ElementsAre;

/// A file with a service whose slots are on the droplets 7 and 8; what follows begins in line 6.
const std::string kDroplets =
    "listeners: [{address: \"0.0.0.0:80\"}]\n"
    "services:\n"
    "  app: {slots: {blue: {targets: [\"10.0.0.2:80\"], droplet_id: 7},\n"
    "                green: {targets: [\"10.0.0.3:80\"], droplet_id: 8}}}\n"
    "  bare: {path: /b, slots: {blue: {targets: [\"10.0.0.2:81\"]}}}\n";

std::string with(const std::string& keys) {
    return kDroplets + "reserved_ip: {provider: digitalocean, address: 203.0.113.10, follows: app" +
           keys + "}\n";
}

TEST(ReservedIpSection, IsReadWhole) {
    const Config config =
        config_of(with(", token_file: token, api: \"https://do.test:8443/api/\", ca_file: ca.pem, "
                       "drift: alert, drift_interval: 30s, poll_interval: 2s, request_timeout: 5s, "
                       "slow_after: 1m, retry: {first: 2s, longest: 20s, refused: 1m}, "
                       "metadata: {confirm: true, url: \"http://127.0.0.1:99\"}"));
    ReservedIp expected;
    expected.address = "203.0.113.10";
    expected.follows = "app";
    expected.token_file = "/etc/switchyard/token";
    expected.api = {true, "do.test", 8443, "/api"};
    expected.ca_file = "/etc/switchyard/ca.pem";
    expected.drift = ReservedIp::Drift::alert;
    expected.drift_interval = 30s;
    expected.poll_interval = 2s;
    expected.request_timeout = 5s;
    expected.slow_after = 1min;
    expected.retry = {2s, 20s, 1min};
    expected.metadata_confirm = true;
    expected.metadata_url = {false, "127.0.0.1", 99, ""};
    EXPECT_EQ(config.reserved_ip, expected);
    EXPECT_EQ(config.services[0].slots[0]->droplet_id, 7u);
    EXPECT_EQ(config.services[0].slots[1]->droplet_id, 8u);
    EXPECT_FALSE(config.services[1].slots[0]->droplet_id);
}

TEST(ReservedIpSection, IsNoneByDefault) {
    EXPECT_FALSE(config_of(kDroplets).reserved_ip);
}

TEST(ReservedIpSection, AnIpv6AddressIsCanonical) {
    const Config config = config_of(
        kDroplets +
        "reserved_ip: {provider: digitalocean, address: \"2604:A880:0::1\", follows: app}\n");
    EXPECT_EQ(config.reserved_ip->address, "2604:a880::1");
}

TEST(ReservedIpSection, DropletIdsHave64Bits) {
    std::string text = with("");
    text.replace(text.find("droplet_id: 7"), 13, "droplet_id: 9223372036854775807");
    EXPECT_EQ(config_of(text).services[0].slots[0]->droplet_id, 9223372036854775807u);
}

TEST(ReservedIpSection, SaysWhatIsWrong) {
    EXPECT_THAT(problems_of(kDroplets + "reserved_ip: {}\n"),
                ElementsAre("f:6:14: missing key 'address' in 'reserved_ip': expected the reserved "
                            "IP",
                            "f:6:14: missing key 'follows' in 'reserved_ip': expected the name of "
                            "a service",
                            "f:6:14: missing key 'provider' in 'reserved_ip': expected "
                            "digitalocean"));
    const auto problem = [](const std::string& keys) { return problems_of(with(keys)).at(0); };
    EXPECT_THAT(problem(", drfit: alert"), testing::HasSubstr("did you mean 'drift'?"));
    EXPECT_THAT(problem(", drift: fight"), testing::HasSubstr("'drift': "));
    EXPECT_THAT(problem(", poll_interval: 3"), testing::HasSubstr("'poll_interval': "));
    EXPECT_THAT(problem(", api: \"http://do.test\""),
                testing::HasSubstr("'api': 'http://do.test' would send the token without "
                                   "encryption"));
    EXPECT_THAT(problem(", retry: {first: 2m}"),
                testing::HasSubstr("'first': the first delay, 2m, is longer than the longest, "
                                   "1m"));
    EXPECT_THAT(problem(", retry: {longest: 10ms}"), testing::HasSubstr("'longest': "));
    EXPECT_THAT(problems_of(kDroplets + "reserved_ip: {provider: aws, address: x, follows: app}\n"),
                ElementsAre(testing::HasSubstr("'provider': 'aws'"),
                            testing::HasSubstr("'address': 'x' is not an IP address")));
}

TEST(ReservedIpSection, TheFollowedServiceNeedsADropletForEachSlot) {
    const auto follow = [](const std::string& service) {
        return problems_of(kDroplets +
                           "reserved_ip: {provider: digitalocean, address: 10.0.0.1, "
                           "follows: " +
                           service + "}\n");
    };
    EXPECT_THAT(follow("ap"), ElementsAre("f:6:67: 'follows': there is no service 'ap'; expected "
                                          "one of app, bare"));
    EXPECT_THAT(follow("bare"),
                ElementsAre("f:6:67: 'follows': the slot 'blue' of 'bare' has no 'droplet_id', so "
                            "that nobody knows where the IP should go"));
    std::string text = with("");
    text.replace(text.find("droplet_id: 8"), 13, "droplet_id: 7");
    EXPECT_THAT(problems_of(text),
                ElementsAre("f:6:71: 'follows': both slots of 'app' have the droplet_id 7; a "
                            "switch would not move the IP"));
}

TEST(HttpUrls, AreTakenApart) {
    const auto url = [](std::string_view text) { return parse_http_url(text).value(); };
    EXPECT_EQ(url("https://api.example"), (HttpUrl{true, "api.example", 443, ""}));
    EXPECT_EQ(url("http://api.example/"), (HttpUrl{false, "api.example", 80, ""}));
    EXPECT_EQ(url("https://API.example:8443/v/1/"), (HttpUrl{true, "api.example", 8443, "/v/1"}));
    EXPECT_EQ(url("http://[::1]:90"), (HttpUrl{false, "::1", 90, ""}));
    EXPECT_EQ(url("http://127.0.0.1"), (HttpUrl{false, "127.0.0.1", 80, ""}));
    for (const char* text : {"https://api.example", "https://api.example:8443/v/1",
                             "http://[::1]:90", "http://127.0.0.1:8080"}) {
        EXPECT_EQ(url(text).text(), text);
    }
}

TEST(HttpUrls, OthersAreRefused) {
    for (const char* text :
         {"", "api.example", "ftp://api.example", "https://", "https://a b", "https://u:p@host",
          "https://host:0", "https://host:x", "https://host:65536", "https://[::1", "https://::1",
          "https://[10.0.0.1]", "https://host/a?b", "https://host?b", "https://host#b",
          "https://host/a//b", "https://host/../b"}) {
        EXPECT_FALSE(parse_http_url(text)) << text;
    }
}

TEST(HttpUrls, SecretsGoOverTlsOrStayOnTheMachine) {
    for (const char* text :
         {"https://api.example", "http://127.0.0.1:8080", "http://localhost", "http://[::1]"}) {
        EXPECT_TRUE(parse_secret_url(text)) << text;
    }
    for (const char* text :
         {"http://api.example", "http://10.0.0.1", "http://127.example", "http://localhost.a"}) {
        EXPECT_FALSE(parse_secret_url(text)) << text;
    }
}

}  // namespace
}  // namespace switchyard::config
