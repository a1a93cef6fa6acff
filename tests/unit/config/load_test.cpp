#include "config/load.hpp"

#include "support.hpp"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;
using test::kBase;
using test::kListeners;
using test::kService;
using testing::ElementsAre;
using testing::HasSubstr;

/// A folder that goes with the test.
class LoadFile : public testing::Test {
  protected:
    LoadFile() {
        std::string pattern = testing::TempDir() + "config-XXXXXX";
        folder_ = mkdtemp(pattern.data());
    }
    ~LoadFile() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text) const {
        const std::filesystem::path path = folder_ / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
        return path.string();
    }

    std::filesystem::path folder_;
};

TEST(Load, DefaultsAreThoseOfTheStructs) {
    const Config config = config_of(kBase);
    Config expected;
    expected.file = "f";
    Listener listener;
    listener.address = "0.0.0.0:80";
    listener.host = "0.0.0.0";
    listener.port = 80;
    expected.listeners = {listener};
    Service service;
    service.name = "app";
    service.hosts = {"*"};
    Slot& blue = service.slots[0].emplace();
    blue.name = "blue";
    blue.targets = {{Target::Kind::ip, "10.0.0.2:80", "10.0.0.2", 80}};
    expected.services = {service};
    EXPECT_EQ(config, expected);
}

TEST(Load, EmptySectionsMeanTheDefaults) {
    const Config config = config_of(
        kService +
        "    hosts:\n    health_check:\n    drain:\n    ejection:\n    timeouts:\n    limits:\n"
        "admin:\nlimits:\ntimeouts:\naccess_log:\nlog:\ntrusted_proxies:\nerror_pages:\n");
    EXPECT_EQ(config, config_of(kBase));
}

TEST(Load, TopLevelValues) {
    const Config config = config_of(
        kBase +
        "workers: 7\n"
        "admin: {socket: run/admin.sock, socket_mode: 0600, metrics: \"[::1]:0\"}\n"
        "state: /tmp/../var/state.db\n"
        "limits: {head_bytes: 16KiB, header_count: 50, target_bytes: 4096, body_bytes: 1GiB,\n"
        "         connections: 10000, connections_per_address: 100}\n"
        "timeouts: {tls_handshake: 1s, request_head: 2s, request_body: 3s, response_write: 4s,\n"
        "           keep_alive: 5s, shutdown: 0s}\n"
        "access_log: {path: \"-\", format: combined, buffer: 64KiB}\n"
        "log: {level: debug}\n"
        "trusted_proxies: [10.0.0.0/8, loopback]\n"
        "via: front-1\n");
    EXPECT_EQ(config.workers, 7u);
    EXPECT_EQ(config.admin, (Admin{"/etc/switchyard/run/admin.sock", 0600, "[::1]:0"}));
    EXPECT_EQ(config.state, "/var/state.db");
    EXPECT_EQ(config.limits, (Limits{16384, 50, 4096, 1ULL << 30, 10000, 100}));
    EXPECT_EQ(config.timeouts, (Timeouts{1s, 2s, 3s, 4s, 5s, 0s}));
    EXPECT_EQ(config.access_log, (AccessLog{"-", AccessLog::Format::combined, 65536}));
    EXPECT_EQ(config.log.level, "debug");
    ASSERT_EQ(config.trusted_proxies.size(), 3u);
    EXPECT_EQ(config.trusted_proxies[0].text, "10.0.0.0/8");
    EXPECT_EQ(config.via, "front-1");
    EXPECT_EQ(config_of(kBase + "via: \"\"\n").via, "");
    EXPECT_EQ(config_of(kBase + "workers: auto\n").workers, 0u);
    EXPECT_EQ(config_of(kBase + "access_log: {path: a.log}\n").access_log.path,
              "/etc/switchyard/a.log");
}

TEST(Load, Listeners) {
    const Config config = config_of(kListeners +
                                    "  - address: \"127.0.0.1:0\"\n"
                                    "  - address: \"127.0.0.1:0\"\n"
                                    "    redirect_to_https: true\n"
                                    "    https_port: 8443\n"
                                    "  - address: \"[::]:443\"\n"
                                    "    tls:\n"
                                    "      certificates:\n"
                                    "        - {certificate: certs/a.pem, key: /keys/a.key}\n"
                                    "        - {certificate: ../b.pem, key: b.key}\n"
                                    "      min_version: 1.3\n"
                                    "      ciphers: ECDHE+AESGCM\n"
                                    "      session_tickets: false\n");
    ASSERT_EQ(config.listeners.size(), 3u);
    EXPECT_FALSE(config.listeners[0].redirect_to_https);
    EXPECT_TRUE(config.listeners[1].redirect_to_https);
    EXPECT_EQ(config.listeners[1].https_port, 8443);
    EXPECT_EQ(config.listeners[2].address, "[::]:443");
    EXPECT_EQ(config.listeners[2].host, "::");
    ASSERT_TRUE(config.listeners[2].tls);
    const Tls& tls = *config.listeners[2].tls;
    EXPECT_THAT(tls.certificates,
                ElementsAre(Certificate{"/etc/switchyard/certs/a.pem", "/keys/a.key"},
                            Certificate{"/etc/b.pem", "/etc/switchyard/b.key"}));
    EXPECT_EQ(tls.min_version, TlsVersion::tls1_3);
    EXPECT_EQ(tls.ciphers, "ECDHE+AESGCM");
    EXPECT_FALSE(tls.session_tickets);
}

TEST(Load, ServiceValues) {
    const Config config = config_of(
        "listeners: [{address: \"0.0.0.0:80\"}]\n"
        "services:\n"
        "  zebra: {hosts: [z.example], slots: {green: {targets: [\"10.0.0.9:1\"]}}}\n"
        "  app:\n"
        "    hosts: [A.example, \"*.a.example\"]\n"
        "    path: /app/\n"
        "    strip_path: true\n"
        "    slots:\n"
        "      blue: {name: blue-production, targets: [\"10.0.0.2:80\", \"unix:/run/a.sock\"]}\n"
        "      green: {targets: [\"http://green.internal:8000\"]}\n"
        "    initial_live: green\n"
        "    health_check: {path: \"/up?a=1\", host: a.example, interval: 500ms, timeout: 1s,\n"
        "                   healthy_after: 1, unhealthy_after: 5, expect: 204}\n"
        "    ejection: {failures: 0, duration: 1m}\n"
        "    timeouts: {connect: 1s, response_head: 2s, response_body: 3s, request_write: 4s,\n"
        "               idle: 5s, tunnel_idle: 6s}\n"
        "    drain: {timeout: 0s, tunnels: keep, keep_tunnels: 7s}\n"
        "    upgrade: [WebSocket, foo/1.0]\n"
        "    retries: 0\n"
        "    max_idle_connections: 0\n"
        "    limits: {body_bytes: 0}\n"
        "    served_by_header: \"\"\n"
        "    server_info_path: \"\"\n"
        "    forward_host: false\n");
    ASSERT_EQ(config.services.size(), 2u);
    EXPECT_EQ(config.services[0].name, "zebra");  // the order of the file
    // Only green is there, so that it is what is live at first.
    EXPECT_EQ(config.services[0].initial_live, Colour::green);
    const Service& app = config.services[1];
    EXPECT_THAT(app.hosts, ElementsAre("a.example", "*.a.example"));
    EXPECT_EQ(app.path, "/app");
    EXPECT_TRUE(app.strip_path);
    EXPECT_EQ(app.slots[0]->name, "blue-production");
    ASSERT_EQ(app.slots[0]->targets.size(), 2u);
    EXPECT_EQ(app.slots[0]->targets[1].host, "/run/a.sock");
    EXPECT_EQ(app.slots[1]->name, "green");
    EXPECT_EQ(app.slots[1]->targets[0].address, "green.internal:8000");
    EXPECT_EQ(app.initial_live, Colour::green);
    EXPECT_EQ(app.health_check, (HealthCheck{HealthCheck::Kind::http, "/up?a=1", "a.example", 500ms,
                                             1s, 1, 5, 204, 204, ""}));
    EXPECT_EQ(app.ejection, (Ejection{0, 1min}));
    EXPECT_EQ(app.timeouts, (UpstreamTimeouts{1s, 2s, 3s, 4s, 5s, 6s}));
    EXPECT_EQ(app.drain_timeout, 0s);
    EXPECT_EQ(app.drain_tunnels, TunnelDrain::keep);
    EXPECT_EQ(app.keep_tunnels, 7s);
    EXPECT_FALSE(app.upgrade.any);
    EXPECT_THAT(app.upgrade.protocols, ElementsAre("websocket", "foo/1.0"));
    EXPECT_EQ(app.retries.attempts, 0u);
    EXPECT_EQ(app.max_idle_connections, 0u);
    ASSERT_TRUE(app.body_bytes);
    EXPECT_EQ(*app.body_bytes, 0u);
    EXPECT_EQ(app.served_by_header, "");
    EXPECT_EQ(app.server_info_path, "");
    EXPECT_FALSE(app.forward_host);
}

TEST(Load, AnUpgradeIsAWordOrAList) {
    const auto upgrade_of = [](const std::string& value) {
        const LoadResult result =
            load_text(test::kService + "    upgrade: " + value + "\n", "f", "/");
        EXPECT_TRUE(result.ok()) << value;
        return result.config.services.at(0).upgrade;
    };
    EXPECT_TRUE(upgrade_of("any").any);
    EXPECT_FALSE(upgrade_of("off").any);
    EXPECT_TRUE(upgrade_of("off").protocols.empty());
    EXPECT_TRUE(upgrade_of("[]").protocols.empty());
    EXPECT_THAT(upgrade_of("Foo").protocols, ElementsAre("foo"));
    for (const char* bad : {"h2c", "HTTP/2.0", "[websocket, tls]", "\"a b\"", "a/b/c", "\"\""}) {
        EXPECT_FALSE(load_text(test::kService + "    upgrade: " + bad + "\n", "f", "/").ok())
            << bad;
    }
}

TEST(Load, AnInvalidTextLeavesNoConfiguration) {
    const LoadResult result = load_text(kBase + "workers: 0\n", "f", "/");
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.config, Config());
}

TEST_F(LoadFile, TakesRelativePathsFromTheFilesFolder) {
    write("pages/503.html", "down {{status}}");
    const std::string path =
        write("switchyard.yaml", kBase + "error_pages: {503: pages/503.html}\nstate: s.db\n");
    const LoadResult result = load_file(path);
    ASSERT_TRUE(result.ok()) << result.problems.front().text();
    EXPECT_EQ(result.config.file, path);
    EXPECT_EQ(result.config.state, (folder_ / "s.db").string());
    ASSERT_EQ(result.config.error_pages.size(), 1u);
    EXPECT_EQ(result.config.error_pages.at(503).html, "down {{status}}");
}

TEST_F(LoadFile, ErrorPagesMustBeReadableFiles) {
    write("ok.html", std::string(256 * 1024, 'x'));
    write("long.html", std::string(256 * 1024 + 1, 'x'));
    ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
    const std::string text = kBase +
                             "error_pages:\n"
                             "  default: ok.html\n"
                             "  500: long.html\n"
                             "  502: none.html\n"
                             "  503: fifo\n"
                             "  504: .\n"
                             "  505: \"\"\n"
                             "  200: ok.html\n"
                             "  other: ok.html\n"
                             "  506: [ok.html]\n";
    const std::string folder = folder_.string();
    EXPECT_THAT(
        test::problems_of(text, folder),
        ElementsAre(
            "f:5:8: '500': '" + folder + "/long.html' has more than 256KiB",
            "f:6:8: '502': cannot read '" + folder + "/none.html': No such file or directory",
            "f:7:8: '503': '" + folder + "/fifo' is not a regular file",
            "f:8:8: '504': '" + folder + "/' is not a regular file",
            "f:9:8: '505': expected the path of a file, not an empty text",
            "f:10:3: 'error_pages': '200' is out of range; expected 400 to 599 (a status "
            "code), or 'default'",
            HasSubstr("f:11:3: 'error_pages': 'other' is not a whole number"),
            HasSubstr("f:12:8: '506': expected a single value, not a list")));
}

TEST_F(LoadFile, SaysWhyAFileCannotBeRead) {
    const std::string none = (folder_ / "none.yaml").string();
    ASSERT_EQ(load_file(none).problems.size(), 1u);
    EXPECT_EQ(load_file(none).problems[0].text(),
              none + ": cannot be read: No such file or directory");
    EXPECT_EQ(load_file(folder_.string()).problems.at(0).text(),
              folder_.string() + ": is a folder; expected a file");
    EXPECT_EQ(load_file(write("long.yaml", std::string(5 << 20, '#'))).problems.at(0).message,
              "the file has more than 4 MiB");
    EXPECT_FALSE(load_file("").ok());
}

}  // namespace
}  // namespace switchyard::config
