// What people and scripts see of the reserved IP: commands, exit codes, events, metrics, --check,
// reload, TLS, metadata.
#include "integration/reserved_ip.hpp"
#include "support/expression.hpp"

#include <cstdlib>

#include <gmock/gmock.h>

namespace switchyard::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ReservedIpCommands : public ReservedIpTest {
  protected:
    [[nodiscard]] test::Run cli(std::vector<std::string> arguments) {
        return daemon().cli(std::move(arguments));
    }
};

TEST_F(ReservedIpCommands, C17_ASwitchNeverWaitsForTheIp) {
    start_following("  request_timeout: 10m\n");
    api().fault(R"({"on":"any","kind":"drip","times":-1})");
    auto stream =
        AdminStream(admin().socket(), "POST", "/v1/services/app/switch", R"({"to":"green"})");
    const auto committed = stream.next_event("committed");
    EXPECT_EQ(committed.at("reserved_ip").at("desired").at("droplet_id").to_number<std::uint64_t>(),
              kGreen);
    EXPECT_FALSE(committed.at("reserved_ip").at("following").as_bool());
    const auto drained = stream.next_event("drained");
    EXPECT_EQ(drained.at("reserved_ip").at("address").as_string(), FakeDigitalOcean::kIp);
    EXPECT_EQ(colour_of(get("/")), "green");
    EXPECT_EQ(cli({"rollback", "app", "--ip-wait", "0s"}).exit.code, 5);
    EXPECT_EQ(colour_of(get("/")), "blue");
    // Nor does the end of the daemon.
    EXPECT_EQ(daemon().terminate().code, 0);
}

TEST_F(ReservedIpCommands, SwitchWaitsForTheIpAndSaysThatItFollows) {
    start_following();
    const auto run = cli({"switch", "app"});
    EXPECT_EQ(run.exit.code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("203.0.113.10 follows, at droplet 5000000002"));
    EXPECT_EQ(api().holder(), kGreen);
}

TEST_F(ReservedIpCommands, SwitchEndsWithFiveWhenTheIpDoesNotFollowInTime) {
    start_following();
    api().fault(R"({"on":"assign","kind":"status","status":403,"times":-1})");
    const auto run = cli({"switch", "app", "--ip-wait", "300ms"});
    EXPECT_EQ(run.exit.code, 5) << run.out;
    EXPECT_THAT(run.out, AllOf(HasSubstr("NOT FOLLOWED"),
                               HasSubstr("at droplet 5000000001 "
                                         "instead of 5000000002"),
                               HasSubstr("switchyard ip status")));
    EXPECT_EQ(colour_of(get("/")), "green");
    api().clear_faults();
    ASSERT_TRUE(follows(2)) << show();
    EXPECT_EQ(cli({"rollback", "app"}).exit.code, 0);
}

TEST_F(ReservedIpCommands, NoWaitDoesNotWaitForTheIpUnlessAsked) {
    start_following();
    api().fault(R"({"on":"assign","kind":"never_ends"})");
    EXPECT_EQ(cli({"switch", "app", "--no-wait"}).exit.code, 0);
    ASSERT_TRUE(eventually([&] { return api().locked(); }));
    api().release();
    ASSERT_TRUE(follows(2));
    api().fault(R"({"on":"assign","kind":"never_ends"})");
    EXPECT_EQ(cli({"switch", "app", "--no-wait", "--ip-wait", "100ms"}).exit.code, 5);
}

TEST_F(ReservedIpCommands, JsonOfASwitchEndsWithALineAboutTheIp) {
    start_following();
    const auto run = cli({"switch", "app", "--json"});
    EXPECT_EQ(run.exit.code, 0) << run.err;
    const auto lines = run.out.substr(0, run.out.find_last_not_of('\n') + 1);
    const auto last = boost::json::parse(lines.substr(lines.rfind('\n') + 1));
    EXPECT_EQ(last.at("event").as_string(), "reserved_ip");
    EXPECT_TRUE(last.at("followed").as_bool());
    EXPECT_EQ(last.at("reserved_ip").at("state").as_string(), "following");
}

TEST_F(ReservedIpCommands, IpStatusAndStatusShowIt) {
    start_following();
    const auto status = cli({"ip"});
    EXPECT_EQ(status.exit.code, 0);
    EXPECT_THAT(status.out, AllOf(HasSubstr("Reserved IP 203.0.113.10, follows app"),
                                  HasSubstr("droplet 5000000001 (blue), epoch 1"),
                                  HasSubstr("0 moves asked for")));
    EXPECT_EQ(cli({"ip", "status", "--json"}).exit.code, 0);
    EXPECT_THAT(cli({"status"}).out,
                HasSubstr("reserved IP 203.0.113.10 follows, at droplet 5000000001"));
    EXPECT_EQ(cli({"ip", "move"}).exit.code, 2);
}

TEST_F(ReservedIpCommands, SyncLooksAtOnce) {
    start_following({}, "1h");
    api().reassign(kOther);
    const auto sync = cli({"ip", "sync"});
    EXPECT_EQ(sync.exit.code, 0) << sync.out << sync.err;
    EXPECT_EQ(api().holder(), kBlue);
    api().reassign(kOther);
    api().fault(R"({"on":"get_ip","kind":"status","status":500,"times":-1})");
    EXPECT_EQ(admin().post("/v1/reserved_ip/sync").status, 200);
    api().clear_faults();
    ASSERT_TRUE(eventually([&] { return api().holder() == kBlue; }));
}

TEST_F(ReservedIpCommands, WithoutAReservedIpThereIsNothingToSync) {
    start();
    EXPECT_TRUE(admin().get("/v1/reserved_ip").json().at("reserved_ip").is_null());
    EXPECT_THAT(cli({"ip"}).out, HasSubstr("No reserved IP is configured"));
    EXPECT_EQ(admin().post("/v1/reserved_ip/sync").error_code(), "no_reserved_ip");
    EXPECT_EQ(cli({"ip", "sync"}).exit.code, 1);
    EXPECT_EQ(cli({"switch", "app"}).exit.code, 0);
    EXPECT_EQ(admin().get("/v1/reserved_ip?wait_ms=x").status, 400);
    EXPECT_EQ(admin().get("/v1/reserved_ip?epoch=-1").status, 400);
    EXPECT_EQ(admin().post("/v1/reserved_ip").status, 405);
}

TEST_F(ReservedIpCommands, EventsTellWhatHappens) {
    start_following();
    AdminStream events(admin().socket(), "GET", "/v1/events?service=app");
    events.next_event("hello");
    switch_to(Colour::green);
    std::string seen;
    while (seen.find("followed") == std::string::npos) {
        const auto event = events.next_event("reserved_ip");
        EXPECT_EQ(event.at("address").as_string(), FakeDigitalOcean::kIp);
        seen += std::string(event.at("what").as_string()) + " ";
    }
    EXPECT_EQ(seen, "moving followed ");
}

TEST_F(ReservedIpCommands, TheReceiptInTheHistoryHasIt) {
    start_following();
    ASSERT_EQ(cli({"switch", "app"}).exit.code, 0);
    ASSERT_TRUE(eventually([&] {
        const auto entries = admin().get("/v1/history?service=app&limit=1").json().at("entries");
        const auto& receipt = entries.at(0).at("receipt");
        return receipt.as_object().contains("reserved_ip") &&
               receipt.at("reserved_ip").at("desired").at("epoch").to_number<int>() == 2;
    }));
}

TEST_F(ReservedIpCommands, EveryDocumentedMetricIsThere) {
    start(ip_config("admin: {socket: \"${DIR}/admin.sock\", metrics: \"127.0.0.1:0\"}\n"));
    ASSERT_TRUE(follows(1));
    api().fault(R"({"on":"assign","kind":"status","status":403,"times":-1})");
    switch_to(Colour::green);
    ASSERT_TRUE(becomes("refused"));
    const auto status = admin().get("/v1/status").json();
    const std::string page =
        test::get(std::string(status.at("metrics_address").as_string()), "/metrics").body;
    const std::string labels = R"({service="app",address="203.0.113.10"})";
    EXPECT_THAT(page, HasSubstr("switchyard_reserved_ip_desired_droplet" + labels + " 5000000002"));
    EXPECT_THAT(page,
                HasSubstr("switchyard_reserved_ip_observed_droplet" + labels + " 5000000001"));
    EXPECT_THAT(page, HasSubstr("switchyard_reserved_ip_following" + labels + " 0"));
    EXPECT_THAT(page, HasSubstr("switchyard_reserved_ip_attempts_total" + labels));
    EXPECT_THAT(page, Not(HasSubstr("switchyard_reserved_ip_drift_seconds" + labels + " 0\n")));
    EXPECT_THAT(page, HasSubstr(R"(kind="forbidden")"));

    const auto docs = read_file(SWITCHYARD_SOURCE_DIR "/docs/operations.md");
    const auto documented =
        find_all(docs, R"re(\| `(switchyard_reserved_ip_[a-z_]+)` \| (counter|gauge) \|)re");
    for (const auto& row : documented)
        EXPECT_THAT(page, HasSubstr("# TYPE " + row[1] + " " + row[2]));
    EXPECT_EQ(documented.size(), 9U);
}

// --check and the start.

TEST_F(ReservedIpCommands, CheckSaysWhatTheTokenLacks) {
    const Daemon house(ip_config());
    const auto good = house.check();
    EXPECT_EQ(good.exit.code, 0) << good.err;
    EXPECT_EQ(good.err, "");
    EXPECT_EQ(api().count("assign"), 0u);

    const char* const all[] = {"reserved_ip:read", "reserved_ip:update", "actions:read",
                               "droplet:read"};
    for (const std::string missing : all) {
        std::string scopes;
        for (const std::string scope : all) {
            if (scope != missing) scopes += (scopes.empty() ? "\"" : ",\"") + scope + "\"";
        }
        api().change(R"({"scopes":[)" + scopes + "]}");
        const auto run = house.check();
        EXPECT_EQ(run.exit.code, 1) << missing;
        EXPECT_THAT(run.err, HasSubstr("the token lacks the scope " + missing + "\n"));
    }
    const auto offline = house.check({"--offline"});
    EXPECT_EQ(offline.exit.code, 0) << offline.err;
}

TEST_F(ReservedIpCommands, CheckFindsOtherMistakes) {
    const Daemon house(ip_config());
    api().reset(kBlue);
    api().fault(R"({"on":"get_droplet","kind":"status","status":404})");
    EXPECT_THAT(house.check().err, HasSubstr("the account has no droplet 5000000001"));
    api().fault(R"({"on":"get_ip","kind":"status","status":401})");
    EXPECT_THAT(house.check().err, HasSubstr("401 unauthorized"));
    // An API that does not answer makes no configuration invalid.
    api().fault(R"({"on":"any","kind":"reset","times":-1})");
    const auto silent = house.check();
    EXPECT_EQ(silent.exit.code, 0) << silent.err;
    EXPECT_THAT(silent.err, HasSubstr("note: not tested"));
    token_dir().write("token", "");
    const auto empty = house.check();
    EXPECT_EQ(empty.exit.code, 1);
    EXPECT_THAT(empty.err, HasSubstr("is empty"));
    // Offline it keeps nobody from starting: systemd's unit checks so.
    const auto offline = house.check({"--offline"});
    EXPECT_EQ(offline.exit.code, 0);
    EXPECT_THAT(offline.err, HasSubstr("note: the token file"));
}

TEST_F(ReservedIpCommands, TheStartTestsTheTokenAndGoesOn) {
    api().change(R"({"scopes":["reserved_ip:read","droplet:read"]})");
    start(ip_config());
    ASSERT_TRUE(logged("missing=actions:read,reserved_ip:update"));
    EXPECT_THAT(cli({"ip"}).out, HasSubstr("lacks actions:read, reserved_ip:update"));
    EXPECT_EQ(get("/").status, 200);
    ASSERT_TRUE(follows(1));
}

// Reload.

TEST_F(ReservedIpCommands, AReloadAddsChangesAndRemovesIt) {
    start();
    const std::string plain = config();
    daemon().write_config(ip_config());
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    ASSERT_TRUE(eventually([&] { return !ip().is_null() && state() == "following"; }));

    daemon().write_config(ip_config("  drift: alert\n"));
    const auto answer = admin().post("/v1/reload");
    ASSERT_EQ(answer.status, 200);
    EXPECT_THAT(answer.response.body, HasSubstr("reserved IP changed"));
    EXPECT_THAT(show(), HasSubstr(R"("drift_policy":"alert")"));
    api().reassign(kOther);
    ASSERT_TRUE(becomes("drifted")) << show();
    daemon().write_config(ip_config());
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    ASSERT_TRUE(eventually([&] { return api().holder() == kBlue; })) << show();

    daemon().write_config(plain);
    ASSERT_EQ(admin().post("/v1/reload").status, 200);
    EXPECT_TRUE(ip().is_null());
}

TEST_F(ReservedIpCommands, AReloadThatMovesTheLiveSlotToAnotherDropletMovesTheIp) {
    start_following();
    std::string yaml = ip_config();
    const std::string id = std::to_string(kBlue);
    yaml.replace(yaml.find(id), id.size(), std::to_string(kOther));
    daemon().write_config(yaml);
    const auto answer = admin().post("/v1/reload");
    ASSERT_EQ(answer.status, 200) << answer.response.body;
    EXPECT_THAT(answer.response.body, HasSubstr("droplet of blue is 77 now"));
    ASSERT_TRUE(eventually([&] { return api().holder() == kOther; })) << show();
}

// Metadata.

TEST_F(ReservedIpCommands, TheMetadataServiceConfirms) {
    api().change(R"({"metadata":{"id":5000000001,"active":"true","anchor":"10.17.0.5"}})");
    start_following("  metadata: {confirm: true, url: \"" + api().url() + "\"}\n");
    ASSERT_TRUE(eventually([&] { return !ip().at("metadata").is_null(); }));
    EXPECT_TRUE(ip().at("metadata").at("confirms").as_bool());
    EXPECT_EQ(ip().at("metadata").at("anchor").as_string(), "10.17.0.5");
    api().change(R"({"metadata":{"id":5000000001,"active":"false"}})");
    EXPECT_TRUE(logged("event=reserved_ip_metadata_disagrees"));
    const auto requests = api().requests();
    for (const auto& request : requests.as_array()) {
        if (request.at("what").as_string() == "metadata") {
            EXPECT_FALSE(request.at("authorized").as_bool());
        }
    }
}

// TLS.

class ReservedIpTls : public ReservedIpCommands {
  protected:
    [[nodiscard]] const FakeDigitalOcean& api() const override { return tls_api_; }

    TestCertificates certificates_;
    FakeDigitalOcean tls_api_{certificates_.certificate(), certificates_.key()};
};

TEST_F(ReservedIpTls, TheApiIsVerifiedByTheConfiguredCa) {
    start_following("  ca_file: " + certificates_.ca() + "\n");
    EXPECT_EQ(cli({"switch", "app"}).exit.code, 0);
    EXPECT_EQ(api().holder(), kGreen);
    EXPECT_EQ(daemon().check().exit.code, 0);
}

TEST_F(ReservedIpTls, AnUnknownCaIsNotTrusted) {
    start(ip_config());
    EXPECT_TRUE(logged("the certificate is not trusted"));
    EXPECT_EQ(api().count(), 0u);  // no token was sent
}

TEST_F(ReservedIpTls, ACertificateForAnotherHostIsNotTrusted) {
    const TestCertificates other({"api.example"});
    const FakeDigitalOcean wrong(other.certificate("api.example"), other.key("api.example"));
    std::string yaml = ip_config("  ca_file: " + other.ca() + "\n");
    yaml.replace(yaml.find(api().url()), api().url().size(), wrong.url());
    start(yaml);
    EXPECT_TRUE(logged("event=reserved_ip_failed"));
    EXPECT_TRUE(logged("certificate"));
    EXPECT_EQ(wrong.count(), 0u);
}

TEST_F(ReservedIpTls, ProxiesOfTheEnvironmentAreIgnored) {
    for (const char* name : {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"})
        ::setenv(name, "http://127.0.0.1:1", 1);
    start_following("  ca_file: " + certificates_.ca() + "\n");
    for (const char* name : {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"})
        ::unsetenv(name);
    EXPECT_EQ(state(), "following");
}

}  // namespace
}  // namespace switchyard::test
