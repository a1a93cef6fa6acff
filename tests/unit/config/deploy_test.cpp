// What a file says about deploys: `ssh`, `deploy_to` and `deploy`.
#include "config/deploy_values.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;
using test::kBase;
using test::problems_of;
using testing::ElementsAre;

const std::string kPrint = "SHA256:jmGdVZ0wJv0cJXHd2sgS3CLgrPTqZZSdTsBu0jV2hFI";

/// Ends within a service with two slots that can be deployed to; a fragment of the service,
/// indented by four, begins in line 8.
const std::string kDeployed =
    "ssh: {user: deploy, key_file: key}\n"
    "listeners: [{address: \"0.0.0.0:80\"}]\n"
    "services:\n"
    "  app:\n"
    "    slots:\n"
    "      blue: {targets: [\"10.0.0.2:80\"], deploy_to: [10.0.0.2]}\n"
    "      green: {targets: [\"10.0.0.3:80\"], deploy_to: [10.0.0.3]}\n";

/// The same without hosts; they come in lines 6 and 7.
std::string with_hosts(const std::string& blue, const std::string& green,
                       const std::string& ssh = "{user: deploy, key_file: key}") {
    return "ssh: " + ssh + "\n" +
           "listeners: [{address: \"0.0.0.0:80\"}]\n"
           "services:\n  app:\n    slots:\n"
           "      blue: {targets: [\"10.0.0.2:80\"]" +
           blue + "}\n      green: {targets: [\"10.0.0.3:80\"]" + green +
           "}\n    deploy: {command: x}\n";
}

TEST(DeployConfig, Hosts) {
    struct Case {
        const char* text;
        const char* user;
        const char* host;
        int port;
    };
    const Case cases[] = {
        {"deploy@10.10.0.2", "deploy", "10.10.0.2", 22},
        {"deploy@10.10.0.2:2222", "deploy", "10.10.0.2", 2222},
        {"10.10.0.2", "", "10.10.0.2", 22},
        {"App.Internal:22", "", "app.internal", 22},
        {"a.b-c_d@app", "a.b-c_d", "app", 22},
        {"root@[FD00:0::2]", "root", "fd00::2", 22},
        {"root@[fd00::2]:23", "root", "fd00::2", 23},
        {"[::1]:24", "", "::1", 24},
    };
    for (const Case& c : cases) {
        const auto host = parse_deploy_host(c.text);
        ASSERT_TRUE(host) << c.text << ": " << host.error().message;
        EXPECT_EQ(host->text, c.text);
        EXPECT_EQ(host->user, c.user) << c.text;
        EXPECT_EQ(host->host, c.host) << c.text;
        EXPECT_EQ(host->port, c.port) << c.text;
        EXPECT_EQ(host->fingerprint, "");
    }
    const std::pair<const char*, const char*> refused[] = {
        {"", "not an empty text"},
        {"deploy@", "has no host"},
        {"@10.0.0.2", "is not a user's name"},
        {"-oProxyCommand=x@h", "is not a user's name"},
        {"a b@h", "is not a user's name"},
        {"a@b@h", "is not a user's name"},
        {"deploy@h:", "has a bad port"},
        {"deploy@h:0", "has a bad port"},
        {"deploy@h:65536", "has a bad port"},
        {"deploy@fd00::2", "needs brackets"},
        {"deploy@[fd00::2", "lacks the closing ]"},
        {"deploy@[fd00::2]22", "is no host"},
        {"deploy@[10.0.0.2]", "brackets around an address that is not IPv6"},
        {"deploy@[app]", "brackets around an address that is not IPv6"},
        {"deploy@[]", "has no host"},
        {"deploy@300.0.0.1", "looks like an IP address"},
        {"ssh://deploy@h", "leave out the scheme"},
        {"deploy@h/x", "leave out the path"},
        {"deploy@-h", "begins or ends with '-'"},
        {"deploy@h\n", "is not allowed"},
    };
    for (const auto& [text, why] : refused) {
        const auto host = parse_deploy_host(text);
        ASSERT_FALSE(host) << text;
        EXPECT_NE(host.error().message.find(why), std::string::npos)
            << text << ": " << host.error().message;
    }
}

TEST(DeployConfig, Fingerprints) {
    EXPECT_EQ(*parse_fingerprint(kPrint), kPrint);
    EXPECT_EQ(*parse_fingerprint(kPrint + "="), kPrint);
    const std::pair<std::string, const char*> refused[] = {
        {"", "does not begin with 'SHA256:'"},
        {"MD5:12:f8:7e:78:61:b4:bf:e2:de:24:15:96:4e:d4:72:53", "does not begin with 'SHA256:'"},
        {kPrint.substr(7), "does not begin with 'SHA256:'"},
        {"SHA256:", "has 0 characters"},
        {kPrint.substr(0, kPrint.size() - 1), "has 42 characters"},
        {kPrint + "A", "has 44 characters"},
        {kPrint.substr(0, kPrint.size() - 1) + "J", "its last character can't be 'J'"},
        {"SHA256:jmGdVZ0wJv0cJXHd2sgS3CLgrPTqZZSdTsBu0jV2h-I", "not base64"},
    };
    for (const auto& [text, why] : refused) {
        const auto print = parse_fingerprint(text);
        ASSERT_FALSE(print) << text;
        EXPECT_NE(print.error().message.find(why), std::string::npos)
            << text << ": " << print.error().message;
    }
}

TEST(DeployConfig, Variables) {
    for (const char* good : {"A", "_", "RAILS_ENV", "a1", "SWITCHYARDS"})
        EXPECT_TRUE(parse_variable_name(good)) << good;
    for (const char* bad : {"", "1A", "A-B", "A=B", "A B", "\xc3\xbc", "SWITCHYARD_SLOT", "A\n"})
        EXPECT_FALSE(parse_variable_name(bad)) << bad;
    EXPECT_EQ(*parse_variable_value(" 'x' $(y)\n"), " 'x' $(y)\n");
    EXPECT_EQ(*parse_variable_value(""), "");
    EXPECT_FALSE(parse_variable_value(std::string_view("a\0b", 3)));
    EXPECT_FALSE(parse_variable_value(std::string(4097, 'x')));
}

TEST(DeployConfig, Values) {
    const Config config = config_of(
        "ssh: {user: u, key_file: keys/id, passphrase_file: /p, known_hosts: kh,\n"
        "      connect_timeout: 1s, keep_alive: 2s}\n"
        "listeners: [{address: \"0.0.0.0:80\"}]\n"
        "services:\n"
        "  app:\n"
        "    slots:\n"
        "      blue:\n"
        "        targets: [\"10.0.0.2:80\"]\n"
        "        deploy_to: [\"a@10.0.0.2:23\", {host: \"[fd00::2]\", fingerprint: \"" +
        kPrint +
        "\"}]\n"
        "      green: {targets: [\"10.0.0.3:80\"], deploy_to: [b@h]}\n"
        "    deploy:\n"
        "      command: |\n"
        "        cd app\n"
        "        ./install\n"
        "      timeout: 3s\n"
        "      one_by_one: true\n"
        "      env: {A: 1, B: \"\"}\n"
        "      healthy_within: 4s\n"
        "      warm_up: [/, \"/a?b\"]\n"
        "      before_switch: migrate\n"
        "      after_switch: {command: tell, where: local, timeout: 5s}\n");
    EXPECT_EQ(config.ssh,
              (Ssh{"u", "/etc/switchyard/keys/id", "/p", "", "/etc/switchyard/kh", 1s, 2s}));
    const Service& app = config.services[0];
    EXPECT_THAT(app.slots[0]->deploy_to,
                ElementsAre(DeployHost{"a@10.0.0.2:23", "a", "10.0.0.2", 23, ""},
                            DeployHost{"[fd00::2]", "", "fd00::2", 22, kPrint}));
    EXPECT_THAT(app.slots[1]->deploy_to, ElementsAre(DeployHost{"b@h", "b", "h", 22, ""}));
    ASSERT_TRUE(app.deploy);
    EXPECT_EQ(app.deploy->command, "cd app\n./install\n");
    EXPECT_EQ(app.deploy->timeout, 3s);
    EXPECT_TRUE(app.deploy->one_by_one);
    EXPECT_EQ(app.deploy->env, (std::map<std::string, std::string>{{"A", "1"}, {"B", ""}}));
    EXPECT_EQ(app.deploy->healthy_within, 4s);
    EXPECT_EQ(app.deploy->warm_up, (WarmUp{{"/", "/a?b"}, 30s}));
    EXPECT_EQ(app.deploy->before_switch, (Hook{Hook::Where::remote, "migrate", 1min}));
    EXPECT_EQ(app.deploy->after_switch, (Hook{Hook::Where::local, "tell", 5s}));
    EXPECT_EQ(config_of(kDeployed + "    deploy: {command: x, warm_up: {paths: [/], limit: 1s}}\n")
                  .services[0]
                  .deploy->warm_up,
              (WarmUp{{"/"}, 1s}));
    EXPECT_EQ(config_of(kBase + "ssh: {agent: run/a.sock}\n").ssh.agent,
              "/etc/switchyard/run/a.sock");
    EXPECT_EQ(config_of(kBase + "ssh:\n").ssh, Ssh());
}

TEST(DeployConfig, ProblemsOfSsh) {
    const std::pair<std::string, std::string> cases[] = {
        {"{user: \"a b\"}",
         "f:3:13: 'user': 'a b' is not a user's name; expected up to 64 letters, digits, '-', '_' "
         "and '.', the first one no '-'"},
        {"{key_file: a, agent: b}",
         "f:3:27: 'agent': impossible together with 'key_file': the key comes from one of them"},
        {"{agent: b, passphrase_file: c}",
         "f:3:34: 'passphrase_file': has a meaning only together with 'key_file'"},
        {"{known_hosts: \"\"}",
         "f:3:20: 'known_hosts': expected the path of a file, not an empty text"},
        {"{known_hosts: \"/a\\x9bb\"}",
         "f:3:20: 'known_hosts': the path of a file must be UTF-8 without control characters"},
        {"{known_hosts: \"/a\\tb\"}",
         "f:3:20: 'known_hosts': the path of a file must be UTF-8 without control characters"},
        {"{known_hosts: \"/a%h\"}",
         "f:3:20: 'known_hosts': '/a%h' has a '%', which the SSH library takes for a placeholder; "
         "expected another name"},
        {"{connect_timeout: 0s}",
         "f:3:24: 'connect_timeout': '0s' is out of range; expected 1ms to 1h"},
        {"{agent: /" + std::string(107, 'x') + "}",
         "f:3:14: 'agent': '/" + std::string(99, 'x') +
             "...' has 108 bytes; the path of a unix socket can have 107"},
        {"{keyfile: a}", "f:3:7: unknown key 'keyfile' in 'ssh'; did you mean 'key_file'?"},
    };
    for (const auto& [text, problem] : cases) {
        EXPECT_THAT(problems_of(kBase + "ssh: " + text + "\n"), ElementsAre(problem)) << text;
    }
}

TEST(DeployConfig, ProblemsOfDeployTo) {
    const std::string good = ", deploy_to: [h]";
    const std::pair<std::string, std::string> cases[] = {
        {with_hosts("", good),
         "f:6:13: missing key 'deploy_to' in 'services.app.slots.blue': the service has 'deploy', "
         "which needs the hosts of both slots, like [\"deploy@10.0.0.2\"]"},
        {with_hosts(", deploy_to: h", good),
         "f:6:51: 'deploy_to': expected a list, not text; write [\"h\"]"},
        {with_hosts(", deploy_to: []", good),
         "f:6:51: 'deploy_to': an empty list; expected the hosts of the slot, like "
         "[\"deploy@10.0.0.2\"]"},
        {with_hosts(", deploy_to: [\"a b@h\"]", good),
         "f:6:52: 'deploy_to': 'a b' is not a user's name; expected up to 64 letters, digits, '-', "
         "'_' and '.', the first one no '-'"},
        {with_hosts(", deploy_to: [h, deploy@h]", good),
         "f:6:55: 'deploy_to': 'deploy@h' twice in one slot, first given in line 6"},
        {with_hosts(", deploy_to: [[h]]", good),
         "f:6:52: 'deploy_to': expected a single value, not a list; a text that begins with [ "
         "needs quotes"},
        {with_hosts(", deploy_to: [{fingerprint: \"" + kPrint + "\"}]", good),
         "f:6:52: missing key 'host' in 'services.app.slots.blue.deploy_to[]': expected "
         "'user@host:port'"},
        {with_hosts(", deploy_to: [{host: h, fingerprint: x}]", good),
         "f:6:75: 'fingerprint': 'x' is not a fingerprint: it does not begin with 'SHA256:'; "
         "'ssh-keygen -lf' prints it, like 'SHA256:' and 43 characters"},
        {with_hosts(", deploy_to: [{host: h, user: x}]", good),
         "f:6:62: unknown key 'user' in 'services.app.slots.blue.deploy_to[]'; expected one of "
         "host, fingerprint"},
        {with_hosts(", deploy_to: [{host: h}]", ", deploy_to: [a@h]", "{key_file: k}"),
         "f:6:59: 'deploy_to': 'h' names no user; expected 'user@host:port', or 'ssh.user' at the "
         "top level"},
        {with_hosts(good, good, "{user: deploy}"),
         "f:8:13: 'deploy': nothing to log in with on the hosts; expected 'key_file' or 'agent' in "
         "'ssh' at the top level"},
        {kDeployed.substr(0, kDeployed.find("      green")) + "    deploy: {command: x}\n",
         "f:7:13: 'deploy': goes to the idle slot, and a service with one slot has none; expected "
         "'blue' and 'green' in 'slots'"},
    };
    for (const auto& [text, problem] : cases) {
        EXPECT_THAT(problems_of(text), ElementsAre(problem)) << text;
    }
    EXPECT_THAT(problems_of(kDeployed),
                ElementsAre("f:6:51: 'deploy_to': has a meaning only together with 'deploy' of the "
                            "service",
                            "f:7:52: 'deploy_to': has a meaning only together with 'deploy' of the "
                            "service"));
}

TEST(DeployConfig, ProblemsOfDeploy) {
    const std::pair<std::string, std::string> cases[] = {
        {"{}",
         "f:8:13: missing key 'command' in 'services.app.deploy': expected what brings a release "
         "onto a host, for sh"},
        {"{command: \" \"}", "f:8:23: 'command': expected a command for sh, not an empty text"},
        {"{command: \"a\\0b\"}",
         "f:8:23: 'command': 'a\\x00b' has a zero byte, which no command can have"},
        {"{command: x, timeout: 0s}",
         "f:8:35: 'timeout': '0s' is out of range; expected 1ms to 168h"},
        {"{command: x, env: {SWITCHYARD_SLOT: blue}}",
         "f:8:32: 'env': 'SWITCHYARD_SLOT' is reserved: SWITCHYARD_ begins what a deploy tells its "
         "commands"},
        {"{command: x, env: {A-B: c}}",
         "f:8:32: 'env': 'A-B' is not a variable's name; expected letters, digits and '_', the "
         "first one no digit"},
        {"{command: x, env: {A: [c]}}",
         "f:8:35: 'A': expected a single value, not a list; a text that begins with [ needs "
         "quotes"},
        {"{command: x, env: {A: }}", "f:8:32: 'A': has no value"},
        {"{command: x, warm_up: [up]}",
         "f:8:36: 'warm_up': 'up' is not a path; expected it to begin with '/'"},
        {"{command: x, warm_up: /}",
         "f:8:35: 'warm_up': expected a map of keys and values, not text"},
        {"{command: x, warm_up: {limit: 1s}}",
         "f:8:35: missing key 'paths' in 'services.app.deploy.warm_up': expected a list of paths, "
         "like [\"/\"]"},
        {"{command: x, before_switch: {where: local}}",
         "f:8:41: missing key 'command' in 'services.app.deploy.before_switch': expected a command "
         "for sh"},
        {"{command: x, before_switch: {command: y, where: here}}",
         "f:8:61: 'where': 'here' is not known; expected remote or local"},
        {"{command: x, after_switch: [y]}",
         "f:8:40: 'after_switch': expected a map of keys and values, not a list"},
        {"{command: x, healthy_within: 1s}",
         "f:8:13: 'deploy': 'healthy_within' of 1s is too short for 2 checks in a row with an "
         "interval of 1s: no deploy could succeed; expected at least 2s"},
        {"{command: x, switch: true}",
         "f:8:26: unknown key 'switch' in 'services.app.deploy'; expected one of command, timeout, "
         "one_by_one, env, healthy_within, warm_up, before_switch, after_switch"},
    };
    for (const auto& [text, problem] : cases) {
        EXPECT_THAT(problems_of(kDeployed + "    deploy: " + text + "\n"), ElementsAre(problem))
            << text;
    }
    EXPECT_EQ(
        problems_of(kDeployed + "    deploy: {command: \"" + std::string(32769, 'x') + "\"}\n"),
        std::vector<std::string>{"f:8:23: 'command': has 32769 bytes; expected at most 32KiB, "
                                 "put it into a script on the host"});
}

}  // namespace
}  // namespace switchyard::config
