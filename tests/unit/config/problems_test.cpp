// What is wrong with a file, and what is said about it.
#include "config/report.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::kBase;
using test::kListeners;
using test::kService;
using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Case {
    std::string text;
    std::string problem;
};

void expect_problems(const std::string& before, const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        EXPECT_THAT(problems_of(before + c.text), ElementsAre(c.problem)) << before + c.text;
    }
}

TEST(Problems, OfTheTopLevel) {
    const std::string unix_path(120, 'x');
    expect_problems(
        kBase,
        {
            {"wokers: 2\n", "f:3:1: unknown key 'wokers'; did you mean 'workers'?"},
            {"trustedProxies: []\n",
             "f:3:1: unknown key 'trustedProxies'; did you mean 'trusted_proxies'?"},
            {"zzz: 1\n",
             "f:3:1: unknown key 'zzz'; expected one of workers, listeners, admin, state, limits, "
             "timeouts, http2, access_log, log, trusted_proxies, via, error_pages, ssh, services, "
             "reserved_ip"},
            {"workers: 0\n", "f:3:10: 'workers': '0' is out of range; expected 1 to 1024, or auto"},
            {"workers: many\n",
             "f:3:10: 'workers': 'many' is not a whole number; expected 1 to 1024, or auto"},
            {"workers: [1]\n",
             "f:3:10: 'workers': expected a single value, not a list; a text that begins with [ "
             "needs quotes"},
            {"state:\n", "f:3:1: 'state': has no value"},
            {"state: \"\"\n", "f:3:8: 'state': expected the path of a file, not an empty text"},
            {"limits: 5\n", "f:3:9: 'limits': expected a map of keys and values, not text"},
            {"limits: [a]\n", "f:3:9: 'limits': expected a map of keys and values, not a list"},
            {"http2: {settings_timout: 5s}\n",
             "f:3:9: unknown key 'settings_timout' in 'http2'; did you mean 'settings_timeout'?"},
            {"limits:\n  head_byte: 1KiB\n",
             "f:4:3: unknown key 'head_byte' in 'limits'; did you mean 'head_bytes'?"},
            {"limits: {head_bytes: 10}\n",
             "f:3:22: 'head_bytes': '10' is out of range; expected 1KiB to 1MiB"},
            {"limits: {head_bytes: 32kb}\n",
             "f:3:22: 'head_bytes': '32kb' is not a size; expected a whole number of bytes, or one "
             "with KiB, MiB, GiB, KB, MB or GB, like '64KiB'"},
            {"limits: {header_count: 0}\n",
             "f:3:24: 'header_count': '0' is out of range; expected 1 to 10000"},
            {"limits: {target_bytes: 64KiB}\n",
             "f:3:24: 'target_bytes': 64KiB is more than head_bytes, 32KiB, which holds the target "
             "too"},
            {"limits: {connections: 10, connections_per_address: 11}\n",
             "f:3:52: 'connections_per_address': more than 'connections', so that it could never "
             "be reached"},
            {"timeouts: {keep_alive: 75}\n",
             "f:3:24: 'keep_alive': '75' needs a unit: ms, s, m or h, like '30s'"},
            {"timeouts: {request_head: 0s}\n",
             "f:3:26: 'request_head': '0s' is out of range; expected 1ms to 168h"},
            {"access_log: {format: jsno}\n",
             "f:3:22: 'format': 'jsno' is not known; expected json or combined; did you mean "
             "'json'?"},
            {"log: {level: verbose}\n",
             "f:3:14: 'level': 'verbose' is not known; expected trace, debug, info, warn or error"},
            {"trusted_proxies: 10.0.0.0/8\n",
             "f:3:18: 'trusted_proxies': expected a list, not text; write [\"10.0.0.0/8\"]"},
            {"trusted_proxies: [all]\n",
             "f:3:19: 'trusted_proxies': 'all' is not an address range; expected one like "
             "'10.0.0.0/8' or 'fd00::/8', 'private' or 'loopback'"},
            {"via: \"a\\r\\nX-Evil: 1\"\n",
             "f:3:6: 'via': 'a\\x0d\\x0aX-Evil: 1' is not a name for Via; expected letters, "
             "digits, '-', '.' and '_'"},
            {"admin: {socket_mode: 999}\n",
             "f:3:22: 'socket_mode': '999' is not a file mode; expected octal digits, 0000 to "
             "0777"},
            {"admin: {socket: /" + unix_path + "}\n",
             "f:3:17: 'socket': '/" + unix_path.substr(0, 99) +
                 "...' has 121 bytes; the path of a unix socket can have 107"},
            {"admin: {metrics: \"127.0.0.1:80\"}\n",
             "f:3:18: 'metrics': the listener '0.0.0.0:80' has this address already"},
            {"admin: {metrics: localhost}\n",
             "f:3:18: 'metrics': 'localhost' has no port; expected 'address:port'"},
        });
}

TEST(Problems, OfListeners) {
    expect_problems(
        kListeners,
        {
            {"  []\n",
             "f:1:1: missing key 'listeners': expected at least one, like [{address: "
             "\"0.0.0.0:80\"}]"},
            {"  address: \"0.0.0.0:80\"\n", "f:3:3: 'listeners': expected a list, not a map"},
            {"  - \"0.0.0.0:80\"\n",
             "f:3:5: 'listeners[]': expected a map of keys and values, not text"},
            {"  - {redirect_to_https: true}\n",
             "f:3:5: missing key 'address' in 'listeners[]': expected 'address:port', like "
             "\"0.0.0.0:80\""},
            {"  - {address: \"localhost:80\"}\n",
             "f:3:15: 'address': 'localhost:80' does not begin with an IP address; expected one "
             "like '0.0.0.0:80' or '[::]:80'"},
            {"  - {adress: \"0.0.0.0:80\", address: \"0.0.0.0:80\"}\n",
             "f:3:6: unknown key 'adress' in 'listeners[]'; did you mean 'address'?"},
            {"  - {address: \"[::1]:80\"}\n  - {address: \"[0:0::1]:80\"}\n",
             "f:4:15: 'address': a second listener on '[::1]:80', first given in line 3"},
            {"  - {address: \"0.0.0.0:80\", redirect_to_https: yes}\n",
             "f:3:48: 'redirect_to_https': 'yes' is neither true nor false"},
            {"  - {address: \"0.0.0.0:80\", https_port: 8443}\n",
             "f:3:41: 'https_port': has a meaning only together with 'redirect_to_https: true'"},
            {"  - {address: \"0.0.0.0:80\", redirect_to_https: true, https_port: 0}\n",
             "f:3:66: 'https_port': '0' is out of range; expected 1 to 65535"},
            {"  - address: \"0.0.0.0:443\"\n    redirect_to_https: true\n"
             "    tls: {certificates: [{certificate: a, key: b}]}\n",
             "f:4:24: 'redirect_to_https': impossible together with 'tls': the listener speaks "
             "https already"},
            {"  - address: \"0.0.0.0:443\"\n    tls: {}\n",
             "f:4:10: missing key 'certificates' in 'listeners[].tls': TLS needs at least one, "
             "each with 'certificate' and 'key'"},
            {"  - address: \"0.0.0.0:443\"\n    tls: {certificates: [{certificate: a.pem}]}\n",
             "f:4:26: missing key 'key' in 'listeners[].tls.certificates[]': expected the path of "
             "a PEM file with the private key"},
            {"  - address: \"0.0.0.0:443\"\n    tls: {certificates: a.pem}\n",
             "f:4:25: 'certificates': expected a list, not text; write [\"a.pem\"]"},
            {"  - address: \"0.0.0.0:443\"\n"
             "    tls: {certificates: [{certificate: a, key: b}], min_version: \"1.1\"}\n",
             "f:4:66: 'min_version': '1.1' is not known; expected 1.2 or 1.3; did you mean "
             "'1.2'?"},
        });
    expect_problems("services: {app: {slots: {blue: {targets: [\"10.0.0.2:80\"]}}}}\n",
                    {{"\n",
                      "f:1:1: missing key 'listeners': expected at least one, like [{address: "
                      "\"0.0.0.0:80\"}]"}});
}

TEST(Problems, OfServices) {
    const std::string services = "listeners: [{address: \"0.0.0.0:80\"}]\nservices:";
    const std::string slots = "slots: {blue: {targets: [\"10.0.0.2:80\"]}}";
    const std::string missing =
        "f:1:1: missing key 'services': expected at least one service, a name with 'hosts' and "
        "'slots'";
    expect_problems(
        services,
        {
            {"\n", missing},
            {" {}\n", missing},
            {" [a]\n", "f:2:11: 'services': expected a map of keys and values, not a list"},
            {"\n  app: web\n",
             "f:3:8: 'services.app': expected a map of keys and values, not text"},
            {"\n  app:\n",
             "f:3:3: missing key 'slots' in 'services.app': expected 'blue' and 'green', each with "
             "'targets'"},
            {"\n  a/b: {" + slots + "}\n",
             "f:3:3: 'services': 'a/b' is not a service's name; expected up to 63 letters, digits, "
             "'-', '_' and '.', the first one a letter or digit"},
            {"\n  a: {hosts: [x.example], " + slots + "}\n  a: {" + slots + "}\n",
             "f:4:3: duplicate key 'a', first given in line 3"},
            {"\n  a: {hosts: [X.example], path: /p/, " + slots +
                 "}\n  b: {hosts: [y.example, x.Example], path: /p, " + slots + "}\n",
             "f:4:26: 'hosts': the host 'x.example' with the path '/p' belongs to the service 'a' "
             "already (line 3)"},
            {"\n  a: {" + slots + "}\n  b: {" + slots + "}\n",
             "f:4:6: 'hosts': the host '*' with the path '/' belongs to the service 'a' already "
             "(line 3)"},
        });
    EXPECT_THAT(problems_of(services + "\n  a: {" + slots + "}\n  b: {path: /b, " + slots +
                            "}\n  c: {hosts: [c.example], " + slots + "}\n"),
                ElementsAre());
}

TEST(Problems, OfAService) {
    expect_problems(
        kService,
        {
            {"    healthcheck: {path: /up}\n",
             "f:5:5: unknown key 'healthcheck' in 'services.app'; did you mean 'health_check'?"},
            {"    hosts: app.example\n",
             "f:5:12: 'hosts': expected a list, not text; write [\"app.example\"]"},
            {"    hosts: [app.example, {a: b}]\n",
             "f:5:26: 'hosts': expected a single value, not a map"},
            {"    hosts: []\n", "f:5:12: 'hosts': an empty list; leave the key out for any host"},
            {"    hosts: [\"*example.com\"]\n",
             "f:5:13: 'hosts': '*example.com' is not a wildcard; expected '*.domain', or '*' for "
             "any"},
            {"    hosts: [\"app.example:80\"]\n",
             "f:5:13: 'hosts': 'app.example:80' is not a host name: leave out the port"},
            {"    hosts: [a.example, b.example, A.example]\n",
             "f:5:35: 'hosts': 'a.example' twice, first given in line 5"},
            {"    path: app\n",
             "f:5:11: 'path': 'app' is not a path; expected it to begin with '/'"},
            {"    initial_live: green\n",
             "f:5:19: 'initial_live': the service has no slot 'green'"},
            {"    initial_live: gren\n",
             "f:5:19: 'initial_live': 'gren' is not known; expected blue or green; did you mean "
             "'green'?"},
            {"    health_check: {path: up}\n",
             "f:5:26: 'path': 'up' is not a path; expected it to begin with '/'"},
            {"    health_check: {interval: 0s}\n",
             "f:5:30: 'interval': '0s' is out of range; expected 10ms to 1h"},
            {"    health_check: {healthy_after: 0}\n",
             "f:5:35: 'healthy_after': '0' is out of range; expected 1 to 1000"},
            {"    health_check: {unhealthy_after: -1}\n",
             "f:5:37: 'unhealthy_after': '-1' is not a whole number; expected 1 to 1000"},
            {"    health_check: {path: /up, expect: 299-200}\n",
             "f:5:39: 'expect': '299-200' is the wrong way round; expected the lower code first"},
            {"    health_check: {expect: 200}\n",
             "f:5:28: 'expect': has a meaning only together with 'path': without one the check "
             "only connects"},
            {"    health_check: {path: /up, host: \"*\"}\n",
             "f:5:37: 'host': '*' is a wildcard; expected a host name"},
            {"    drain: 30s\n", "f:5:12: 'drain': expected a map of keys and values, not text"},
            {"    drain: {timeout: 200h}\n",
             "f:5:22: 'timeout': '200h' is out of range; expected 0s to 168h"},
            {"    retries: 11\n", "f:5:14: 'retries': '11' is out of range; expected 0 to 10"},
            {"    served_by_header: \"X-A: b\"\n",
             "f:5:23: 'served_by_header': 'X-A: b' is not a field name; expected letters, digits "
             "and '-', or \"\" for none"},
            {"    served_by_header: Content-Length\n",
             "f:5:23: 'served_by_header': 'Content-Length' has a meaning of its own in HTTP; "
             "expected another name"},
            {"    server_info_path: info\n",
             "f:5:23: 'server_info_path': 'info' is not a path; expected it to begin with '/'"},
            {"    limits: {body_bytes: -1}\n",
             "f:5:26: 'body_bytes': '-1' is not a size; expected a whole number of bytes, or one "
             "with KiB, MiB, GiB, KB, MB or GB, like '64KiB'"},
        });
}

TEST(Problems, OfSlots) {
    const std::string before =
        "listeners: [{address: \"0.0.0.0:80\"}, {address: \"127.0.0.9:81\"}]\n"
        "services:\n  app:\n    slots:\n";
    expect_problems(
        before,
        {
            {"      {}\n",
             "f:5:7: missing key 'blue' in 'services.app.slots': a service needs the slot 'blue' "
             "or 'green', or better both"},
            {"      blue: {targets: [\"a:1\"]}\n      gren: {targets: [\"b:1\"]}\n",
             "f:6:7: unknown key 'gren' in 'services.app.slots'; did you mean 'green'?"},
            {"      blue: {}\n",
             "f:5:13: missing key 'targets' in 'services.app.slots.blue': a slot needs at least "
             "one, like [\"10.0.0.2:8000\"]"},
            {"      blue: {targets: []}\n",
             "f:5:13: missing key 'targets' in 'services.app.slots.blue': a slot needs at least "
             "one, like [\"10.0.0.2:8000\"]"},
            {"      blue: {targets: [10.0.0.2]}\n",
             "f:5:24: 'targets': '10.0.0.2' has no port; expected 'address:port'"},
            {"      blue: {targets: [\"https://a:443\", \"b:443\"]}\n",
             "f:5:23: 'targets': some begin with https:// and others do not; all targets of a slot "
             "speak the same"},
            {"      blue: {targets: [\"http://a:80\"], tls: {}}\n",
             "f:5:23: 'targets': http:// contradicts 'tls' of this slot; expected https:// or "
             "none"},
            {"      blue: {targets: [\"unix:/run/a\"], tls: {}}\n",
             "f:5:23: 'targets': a unix socket has no name that a certificate could be for; "
             "expected 'server_name' in 'tls'"},
            {"      blue: {targets: [\"a:1\"], tls: {verify: false, ca_file: ca.pem}}\n",
             "f:5:62: 'ca_file': has no meaning with 'verify: false': any certificate is taken"},
            {"      blue: {targets: [\"a:1\"], tls: {certificate: a.pem}}\n",
             "f:5:37: missing key 'key' in 'services.app.slots.blue.tls': expected the path of a "
             "PEM file with the private key"},
            {"      blue: {targets: [\"a:1\"], tls: {server_name: \"a b\"}}\n",
             "f:5:51: 'server_name': 'a b' is not a host name: ' ' is not allowed in it"},
            {"      blue: {targets: [\"a:1\", \"A:1\"]}\n",
             "f:5:31: 'targets': 'a:1' twice in one slot, first given in line 5"},
            {"      blue: {targets: [\"a:1\"]}\n      green: {targets: [\"http://a:1\"]}\n",
             "f:6:25: 'targets': 'a:1' is a target of the slot 'blue' too; a switch would change "
             "nothing for it"},
            {"      blue: {targets: [\"127.0.0.9:81\"]}\n",
             "f:5:24: 'targets': '127.0.0.9:81' is a listener of this file (line 1): requests "
             "would "
             "go around in a circle"},
            {"      blue: {targets: [\"127.0.0.1:80\"]}\n",
             "f:5:24: 'targets': '127.0.0.1:80' is a listener of this file (line 1): requests "
             "would "
             "go around in a circle"},
            {"      blue: {targets: [\"a:1\"], droplet_id: 9223372036854775808}\n",
             "f:5:44: 'droplet_id': '9223372036854775808' is out of range; expected 1 to "
             "9223372036854775807"},
            {"      blue: {targets: [\"a:1\"], name: \"a\\nb\"}\n",
             "f:5:38: 'name': 'a\\x0ab' can't be sent in a header; expected printable ASCII "
             "without control characters and without spaces at its ends"},
            {"      blue: {targets: [\"a:1\"], name: x}\n      green: {targets: [\"b:1\"], name: "
             "x}\n",
             "f:6:14: 'green': both slots have the name 'x'; nobody could tell them apart"},
        });
}

TEST(Problems, AreAllCollectedInTheOrderOfTheFile) {
    EXPECT_THAT(problems_of("workers: 0\n"
                            "listners: []\n"
                            "services:\n"
                            "  app:\n"
                            "    path: x\n"
                            "    slots: {blue: {targets: [a]}}\n"
                            "limits: {head_bytes: 1, bogus: 1}\n"),
                ElementsAre("f:1:1: missing key 'listeners': expected at least one, like "
                            "[{address: \"0.0.0.0:80\"}]",
                            "f:1:10: 'workers': '0' is out of range; expected 1 to 1024, or auto",
                            "f:2:1: unknown key 'listners'; did you mean 'listeners'?",
                            "f:5:11: 'path': 'x' is not a path; expected it to begin with '/'",
                            "f:6:30: 'targets': 'a' has no port; expected 'address:port'",
                            "f:7:22: 'head_bytes': '1' is out of range; expected 1KiB to 1MiB",
                            "f:7:25: unknown key 'bogus' in 'limits'; expected one of head_bytes, "
                            "header_count, target_bytes, body_bytes, connections, "
                            "connections_per_address"));
}

TEST(Problems, ShowNoControlCharacterOfTheFile) {
    for (const std::string& line :
         problems_of("listeners: [{address: \"127.0.0.1:80\"}]\n"
                     "services:\n"
                     "  \"a\\x1bb\": {slots: {blue: {targets: [\"b:1\"]}}}\n"
                     "reserved_ip: {follows: ab}\n")) {
        EXPECT_THAT(line, Not(HasSubstr("\x1b")));
    }
    Report report("f");
    report.add({1, 2}, "the service a\nb\x7f");
    EXPECT_EQ(report.take().front().text(), "f:1:2: the service a\\x0ab\\x7f");
}

}  // namespace
}  // namespace switchyard::config
