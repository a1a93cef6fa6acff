// The files in config/ and the reference in docs/ are what the loader accepts, and complete.
#include "config/read.hpp"
#include "support.hpp"
#include "support/expression.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

const std::string kRoot = SWITCHYARD_SOURCE_DIR;

std::string contents(const std::string& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Config load_sample(const std::string& name) {
    LoadResult result = load_file(kRoot + "/config/" + name);
    for (const Problem& problem : result.problems)
        ADD_FAILURE() << problem.text();
    return std::move(result.config);
}

/// The keys that the loader knows and those that a text uses.
KeyLog keys_of(const std::string& text) {
    KeyLog log;
    Report report("f");
    const Document document = parse_document(text, report);
    (void)read_config(document, "f", kRoot + "/config", report, &log);
    EXPECT_TRUE(report.empty());
    return log;
}

TEST(Samples, MinimalLoads) {
    const Config config = load_sample("minimal.yaml");
    ASSERT_EQ(config.services.size(), 1u);
    EXPECT_TRUE(config.services[0].slots[0] && config.services[0].slots[1]);
}

TEST(Samples, SwitchyardYamlShowsEveryKey) {
    const KeyLog log = keys_of(contents(kRoot + "/config/switchyard.yaml"));
    EXPECT_GT(log.known.size(), 60u);
    EXPECT_EQ(log.used, log.known);
}

TEST(Samples, SwitchyardYamlShowsTheDefaults) {
    const Config config = load_sample("switchyard.yaml");
    const Config defaults;
    EXPECT_EQ(config.workers, defaults.workers);
    EXPECT_EQ(config.state, defaults.state);
    EXPECT_EQ(config.limits, defaults.limits);
    EXPECT_EQ(config.timeouts, defaults.timeouts);
    EXPECT_EQ(config.http2, defaults.http2);
    EXPECT_EQ(config.log, defaults.log);
    EXPECT_EQ(config.via, defaults.via);
    EXPECT_EQ(config.admin.socket, defaults.admin.socket);
    EXPECT_EQ(config.admin.socket_mode, defaults.admin.socket_mode);
    EXPECT_EQ(config.access_log.format, defaults.access_log.format);
    EXPECT_EQ(config.access_log.buffer_bytes, defaults.access_log.buffer_bytes);
    Ssh ssh = config.ssh;
    ssh.user.clear();
    ssh.key_file.clear();
    ssh.passphrase_file.clear();
    EXPECT_EQ(ssh, defaults.ssh);

    ASSERT_EQ(config.services.size(), 1u);
    EXPECT_EQ(config.services[0].hold, Hold());
    Maintenance maintenance = config.services[0].maintenance;
    maintenance.page.clear();
    EXPECT_EQ(maintenance, Maintenance());

    ASSERT_EQ(config.listeners.size(), 2u);
    EXPECT_EQ(config.listeners[0].https_port, Listener().https_port);
    ASSERT_TRUE(config.listeners[1].tls);
    Tls tls = *config.listeners[1].tls;
    tls.certificates.clear();
    EXPECT_EQ(tls, Tls());

    ASSERT_EQ(config.services.size(), 1u);
    Service service = config.services[0];
    ASSERT_TRUE(service.deploy);
    Deploy deploy = *std::exchange(service.deploy, std::nullopt);
    deploy.command.clear();
    deploy.env.clear();
    deploy.warm_up.paths.clear();
    ASSERT_TRUE(deploy.before_switch && deploy.after_switch);
    EXPECT_EQ(deploy.before_switch->timeout, Hook().timeout);
    EXPECT_EQ(deploy.before_switch->where, Hook().where);
    EXPECT_EQ(deploy.after_switch->timeout, Hook().timeout);
    deploy.before_switch.reset();
    deploy.after_switch.reset();
    EXPECT_EQ(deploy, Deploy());
    service.name.clear();
    service.hosts.clear();
    service.slots[0].reset();
    service.slots[1].reset();
    service.health_check.kind = HealthCheck::Kind::tcp;
    service.health_check.path.clear();
    service.health_check.host.clear();
    service.body_bytes.reset();
    ASSERT_TRUE(service.preview);
    Preview preview = *std::exchange(service.preview, std::nullopt);
    for (std::string* own : {&preview.host, &preview.secret_file, &preview.secret_problem})
        own->clear();
    preview.url.reset();
    EXPECT_EQ(preview, Preview());
    ASSERT_TRUE(service.canary);
    EXPECT_EQ(*std::exchange(service.canary, std::nullopt), Canary());
    ASSERT_TRUE(service.compression);
    EXPECT_EQ(std::exchange(service.compression, std::nullopt), Compression());
    service.maintenance.page.clear();
    EXPECT_EQ(service, Service());

    ASSERT_TRUE(config.reserved_ip);
    ReservedIp ip = *config.reserved_ip;
    for (std::string* own : {&ip.address, &ip.follows, &ip.token_file, &ip.ca_file})
        own->clear();
    EXPECT_EQ(ip, ReservedIp());
}

TEST(Samples, TheReferenceNamesEveryKey) {
    const std::string text = contents(kRoot + "/docs/configuration.md");
    for (const std::string& key : keys_of(contents(kRoot + "/config/switchyard.yaml")).known) {
        EXPECT_NE(text.find("| `" + key + "` |"), std::string::npos) << key;
    }
}

TEST(Samples, TheReferenceNamesNoOtherKey) {
    const std::string text = contents(kRoot + "/docs/configuration.md");
    const KeyLog log = keys_of(contents(kRoot + "/config/switchyard.yaml"));
    const auto rows = switchyard::test::find_all(text, "\n\\| `([^`]+)` \\|");
    for (const auto& row : rows)
        EXPECT_TRUE(log.known.contains(row[1])) << row[1];
    EXPECT_GE(rows.size(), log.known.size());
}

/// Loads every example of a page of docs/, with what it leaves out put in; how many there are.
int load_examples(const std::string& page) {
    const std::string text = contents(kRoot + "/docs/" + page);
    int examples = 0;
    for (std::size_t at = 0; (at = text.find("```yaml\n", at)) != std::string::npos; ++examples) {
        at += 8;
        const std::size_t end = text.find("```", at);
        if (end == std::string::npos) throw std::runtime_error("an example has no end: " + page);
        std::string example = text.substr(at, end - at);
        if (example.find("listeners:") == std::string::npos) {
            example += "listeners: [{address: \"0.0.0.0:80\"}]\n";
        }
        if (example.find("services:") == std::string::npos) {
            example += "services: {app: {slots: {blue: {targets: [\"10.0.0.2:80\"]}}}}\n";
        }
        EXPECT_THAT(test::problems_of(example, kRoot + "/config"), testing::ElementsAre())
            << example;
        at = end;
    }
    return examples;
}

TEST(Samples, TheDocumentationsExamplesLoad) {
    EXPECT_GE(load_examples("configuration.md"), 5);
    EXPECT_GE(load_examples("preview.md"), 2);
    EXPECT_GE(load_examples("tls.md"), 3);
}

}  // namespace
}  // namespace switchyard::config
