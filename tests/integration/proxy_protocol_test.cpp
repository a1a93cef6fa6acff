// The PROXY protocol with those who speak it: curl and HAProxy before us, nginx and HAProxy behind.
#include "integration/harness.hpp"
#include "integration/metrics_page.hpp"
#include "support/free_port.hpp"
#include "support/h2_client.hpp"

#include <csignal>
#include <fstream>
#include <set>

#include <boost/json.hpp>
#include <gmock/gmock.h>

namespace switchyard::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
}

std::string seen(const std::string& echo, std::string_view name) {
    const auto json = boost::json::parse(echo);
    for (const auto& field : json.at("headers").as_array()) {
        if (std::string_view(field.at(0).as_string()) == name) {
            return std::string(field.at(1).as_string());
        }
    }
    return {};
}

class Balancers : public FrontDoor {
  protected:
    /// Plain on 127.0.0.1, TLS on 127.0.0.2.
    void start_behind(const std::string& top = {}) {
        std::string yaml =
            config({}, "admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n" + top);
        const std::string from = ", proxy_protocol: {from: [loopback]}";
        const std::string plain = "  - {address: \"127.0.0.1:0\"" + from + "}\n";
        const std::string tls =
            "  - {address: \"127.0.0.2:0\"" + from + ", tls: {certificates: [{certificate: \"" +
            certificates_.certificate() + "\", key: \"" + certificates_.key() + "\"}]}}\n";
        yaml.replace(yaml.find("  - address"), yaml.find("services:") - yaml.find("  - address"),
                     plain + tls);
        start(yaml);
    }
    [[nodiscard]] static test::Run curl(std::vector<std::string> more) {
        std::vector<std::string> command = {"/usr/bin/curl", "-sS", "-k", "--max-time", "30"};
        command.insert(command.end(), more.begin(), more.end());
        return run_program(command);
    }
    /// HAProxy with these sections; ready when `port` answers connects.
    void start_haproxy(const std::string& sections, std::uint16_t port) {
        write(dir_.file("haproxy.cfg"),
              "global\n  maxconn 100\n"
              "defaults\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n" +
                  sections);
        haproxy_ = std::make_unique<Process>(ProcessOptions{
            .arguments = {"/usr/sbin/haproxy", "-db", "-f", dir_.file("haproxy.cfg")},
            .environment = {},
            .output_file = dir_.file("haproxy.log")});
        ASSERT_TRUE(eventually([port] {
            try {
                Client("127.0.0.1:" + std::to_string(port)).close();
                return true;
            } catch (const ClientError&) {
                return false;
            }
        })) << read_file(dir_.file("haproxy.log"));
    }

    TestCertificates certificates_;
    TempDir dir_;
    std::unique_ptr<Process> haproxy_;
};

TEST_F(Balancers, CurlSaysWhoItIs) {
    start_behind();
    for (std::size_t listener : {0U, 1U}) {
        const std::string url =
            (listener == 0 ? "http://" : "https://") + daemon().address(listener) + "/echo";
        const auto run = curl({"--haproxy-protocol", "--interface", "127.0.0.9", url});
        EXPECT_EQ(run.exit.code, 0) << run.err;
        EXPECT_EQ(seen(run.out, "X-Forwarded-For"), "127.0.0.9") << run.out;
        // 52 and 56: nothing came; 35: no handshake.
        EXPECT_THAT(curl({url}).exit.code, testing::AnyOf(52, 56, 35));
    }
}

TEST_F(Balancers, HaproxyInFront) {
    start_behind("trusted_proxies: []\n");
    std::string sections;
    std::vector<std::uint16_t> ports;
    const auto balance = [&](const std::string& server, const std::string& options) {
        ports.push_back(free_port());
        const std::string name = std::to_string(ports.size());
        sections += "listen l" + name +
                    "\n  mode tcp\n  bind 127.0.0.1:" + std::to_string(ports.back()) +
                    "\n  server s " + server + " " + options + "\n";
    };
    balance(daemon().address(0), "send-proxy");
    balance(daemon().address(0), "send-proxy-v2");
    balance(daemon().address(0), "send-proxy-v2 proxy-v2-options crc32c,authority,ssl,cert-cn");
    balance(daemon().address(1), "send-proxy");
    balance(daemon().address(1), "send-proxy-v2-ssl proxy-v2-options crc32c");
    // Its health checks say that nobody sent them, or nothing at all.
    balance(daemon().address(0), "send-proxy-v2 check check-send-proxy inter 50ms");
    balance(daemon().address(1), "send-proxy check inter 50ms");
    start_haproxy(sections, ports.back());
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const bool tls = i == 3 || i == 4 || i == 6;
        const std::string url = std::string(tls ? "https" : "http") +
                                "://127.0.0.1:" + std::to_string(ports[i]) + "/echo";
        for (const char* const version : {"--http1.1", "--http2"}) {
            const auto run = curl({version, "--interface", "127.0.0.9", url, url});
            EXPECT_EQ(run.exit.code, 0) << run.err << i;
            EXPECT_THAT(run.out, HasSubstr("127.0.0.9")) << i;
            EXPECT_THAT(run.out, Not(HasSubstr("\"127.0.0.1\""))) << i;
        }
        const auto upload = curl({"--interface", "127.0.0.9", "-d", std::string(100'000, 'x'),
                                  std::string(url).replace(url.size() - 4, 4, "upload")});
        EXPECT_THAT(upload.out, HasSubstr("\"bytes\":100000")) << upload.err << i;
    }
    const auto status = admin().get("/v1/status").json();
    const MetricsPage page(
        test::get(std::string(status.at("metrics_address").as_string()), "/metrics").body);
    EXPECT_EQ(page.sum("switchyard_proxy_protocol_failures_total"), 0) << daemon().log();
    EXPECT_GE(page.value("switchyard_proxy_protocol_headers_total"), 14);
}

/// Targets that are told who the client is, and answer with what they were told.
class ToldTargets : public Balancers {
  protected:
    /// Behind a plain and an h2c listener; `slot` is added to the slot.
    void start_before(const std::string& target, const std::string& slot,
                      const std::string& service = {}) {
        Daemon& made = *(
            front_ = std::make_unique<Daemon>(
                "listeners: [{address: \"127.0.0.1:0\"}, {address: \"127.0.0.2:0\", h2c: true},\n"
                "            {address: \"127.0.0.3:0\", proxy_protocol: {from: [loopback]}}]\n"
                "workers: 1\n"
                "services:\n  app:\n    hosts: [\"*\"]\n    slots: {blue: {targets: [\"" +
                target + "\"], " + slot +
                "}}\n    health_check: {path: /up, interval: 50ms, healthy_after: 1}\n" + service));
        made.start();
        ASSERT_TRUE(made.wait_healthy("app", Colour::blue))
            << made.log() << read_file(dir_.file("haproxy.log"))
            << read_file(dir_.file("nginx.log"));
    }
    std::string start_nginx(const std::string& listen = {}) {
        const std::string port = std::to_string(free_port());
        write(dir_.file("nginx.conf"),
              "daemon off;\nmaster_process off;\npid " + dir_.file("nginx.pid") + ";\nerror_log " +
                  dir_.file("nginx.log") + ";\nevents {}\nhttp {\n  access_log " +
                  dir_.file("nginx.access") +
                  ";\n"
                  "  client_body_temp_path " +
                  dir_.file("b") + ";\n  proxy_temp_path " + dir_.file("p") +
                  ";\n  fastcgi_temp_path " + dir_.file("f") + ";\n  uwsgi_temp_path " +
                  dir_.file("u") + ";\n  scgi_temp_path " + dir_.file("s") +
                  ";\n  server {\n    listen 127.0.0.1:" + port + " proxy_protocol" + listen +
                  ";\n    location / { return 200 \"$proxy_protocol_addr:$proxy_protocol_port "
                  "$proxy_protocol_server_addr:$proxy_protocol_server_port $connection\"; }\n"
                  "  }\n}\n");
        nginx_ = std::make_unique<Process>(
            ProcessOptions{.arguments = {"/usr/sbin/nginx", "-e", dir_.file("nginx.log"), "-c",
                                         dir_.file("nginx.conf")},
                           .environment = {},
                           .output_file = dir_.file("nginx.log")});
        return "127.0.0.1:" + port;
    }
    [[nodiscard]] std::string certificate_lines() const {
        return ";\n    ssl_certificate " + certificates_.certificate() +
               ";\n    ssl_certificate_key " + certificates_.key();
    }

    std::unique_ptr<Daemon> front_;
    std::unique_ptr<Process> nginx_;
};

/// The last word: nginx's number of the connection.
std::string connection_of(const std::string& body) {
    return body.substr(body.rfind(' ') + 1);
}

TEST_F(ToldTargets, NginxIsToldInBothVersions) {
    const std::string nginx = start_nginx();
    for (const char* const version : {"v1", "v2"}) {
        start_before(nginx, std::string("proxy_protocol: ") + version);
        Client one(front_->address());
        Client two(front_->address());
        const std::string ends = " " + front_->address() + " ";
        std::set<std::string> connections;
        for (int i = 0; i < 3; ++i) {
            for (Client* client : {&one, &two}) {
                const auto body = exchange(*client, "GET", "/").body;
                EXPECT_THAT(body, StartsWith(client->local_address() + ends));
                connections.insert(connection_of(body));
            }
        }
        // Each client has a connection of its own, which is used again.
        EXPECT_EQ(connections.size(), 2U);
    }
}

TEST_F(ToldTargets, StreamsOfOneClientShareItsConnections) {
    start_before(start_nginx(), "proxy_protocol: v2");
    auto client = H2Client(Client(front_->address(1)));
    std::set<std::string> connections;
    std::set<std::string> clients;
    for (int i = 0; i < 5; ++i) {
        const auto body = client.exchange("GET", "/").body;
        connections.insert(connection_of(body));
        clients.insert(body.substr(0, body.find(' ')));
    }
    EXPECT_EQ(connections.size(), 1U);
    EXPECT_EQ(clients.size(), 1U);
    auto other = H2Client(Client(front_->address(1)));
    const auto body = other.exchange("GET", "/").body;
    EXPECT_FALSE(connections.contains(connection_of(body)));
    EXPECT_FALSE(clients.contains(body.substr(0, body.find(' '))));
}

TEST_F(ToldTargets, WhatABalancerSaidIsHandedOn) {
    start_before(start_nginx(), "proxy_protocol: v2");
    Client client(front_->address(2));
    client.send("PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n");
    EXPECT_THAT(exchange(client, "GET", "/").body,
                StartsWith("2001:db8::7:40000 2001:db8::1:443 "));
    Client own(front_->address(2));
    own.send("PROXY UNKNOWN\r\n");
    EXPECT_THAT(exchange(own, "GET", "/").body, StartsWith(own.local_address()));
}

TEST_F(ToldTargets, BeforeTls) {
    const std::string nginx = start_nginx(" ssl" + certificate_lines());
    for (const char* const version : {"v1", "v2"}) {
        start_before(nginx, std::string("proxy_protocol: ") + version + ", tls: {ca_file: \"" +
                                certificates_.ca() + "\"}");
        Client client(front_->address());
        for (int i = 0; i < 2; ++i) {
            EXPECT_THAT(exchange(client, "GET", "/").body, StartsWith(client.local_address()));
        }
    }
}

TEST_F(ToldTargets, HaproxyIsToldInBothVersions) {
    const std::uint16_t port = free_port();
    start_haproxy(
        "frontend f\n  mode http\n  bind 127.0.0.1:" + std::to_string(port) +
            " accept-proxy\n  http-request return status 200 content-type text/plain lf-string "
            "%[src]:%[src_port]\n",
        port);
    for (const char* const version : {"v1", "v2"}) {
        start_before("127.0.0.1:" + std::to_string(port),
                     std::string("proxy_protocol: ") + version);
        for (int i = 0; i < 3; ++i) {
            Client client(front_->address());
            EXPECT_EQ(exchange(client, "GET", "/").body, client.local_address());
            EXPECT_EQ(exchange(client, "GET", "/").body, client.local_address());
        }
    }
}

TEST_F(ToldTargets, ThatAreNotToldTakeNothing) {
    // nginx waits for the header: without one there is no answer, and no healthy slot.
    const std::string nginx = start_nginx();
    Daemon daemon(
        "listeners: [{address: \"127.0.0.1:0\"}]\nservices: {app: {hosts: [\"*\"], slots: {blue: "
        "{targets: [\"" +
        nginx +
        "\"]}}, retries: 0, health_check: {path: /up, interval: 50ms, unhealthy_after: 1}}}\n");
    daemon.start();
    EXPECT_TRUE(daemon.wait_healthy("app", Colour::blue, false));
    EXPECT_EQ(test::get(daemon.address(), "/").status, 502);
}

TEST_F(ToldTargets, AReloadMakesNewConnections) {
    const std::string nginx = start_nginx();
    start_before(nginx, "proxy_protocol: v1");
    Client client(front_->address());
    const auto before = exchange(client, "GET", "/").body;
    std::string yaml = read_file(front_->config_path());
    yaml.replace(yaml.find("proxy_protocol: v1"), 18, "proxy_protocol: v2");
    front_->write_config(yaml);
    ASSERT_EQ(front_->cli({"reload"}).exit.code, 0);
    const auto after = exchange(client, "GET", "/").body;
    EXPECT_THAT(after, StartsWith(client.local_address()));
    EXPECT_NE(connection_of(after), connection_of(before));
}

}  // namespace
}  // namespace switchyard::test
