// What must not start: it says what is to blame, ends with 1, and leaves nothing half-started.
#include "integration/harness.hpp"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

class Start : public FrontDoor {
  protected:
    /// Starts it and expects that it refuses, naming what is to blame in its last line.
    static void expect_refusal(Daemon& daemon, const std::string& named) {
        const auto exit = daemon.start_expecting_exit();
        EXPECT_EQ(exit.code, 1) << exit.text();
        auto log = daemon.log();
        while (log.ends_with('\n'))
            log.pop_back();
        EXPECT_NE(log.find(named), std::string::npos) << log;
        EXPECT_FALSE(std::filesystem::exists(daemon.dir().file("admin.sock")));
    }

    /// That nothing of the refused one is left: with the cause gone it starts.
    static void expect_starts(Daemon& daemon) {
        ASSERT_NO_THROW(daemon.start());
        EXPECT_EQ(daemon.terminate().code, 0);
    }
};

TEST_F(Start, ABusyPortIsNamed) {
    start();
    auto yaml = config();
    yaml.replace(yaml.find("127.0.0.1:0"), 11, address());
    Daemon second(yaml);
    expect_refusal(second, address());
    EXPECT_EQ(get("/").status, 200);
    ASSERT_EQ(daemon().terminate().code, 0);
    expect_starts(second);
}

TEST_F(Start, ALimitOfConnectionsThatTheOpenFilesDoNotAllowIsToldWithItsNumbers) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    constexpr rlim_t kFiles = 1024;
    ASSERT_GE(before.rlim_max, kFiles) << "this needs more open files: ulimit -Hn";
    // A reserve of 256, and two for each of 64 pipes: 640 are left, two for each connection.
    Daemon fits(config({}, "limits: {connections: 320}\n"));
    Daemon does_not(config({}, "limits: {connections: 321}\n"));
    // The daemon raises the soft limit to the hard one. (Which only root can take back.)
    const rlimit low{kFiles, kFiles};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    fits.start();
    does_not.start();
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &before));
    EXPECT_EQ(fits.log().find("connection_limit"), std::string::npos) << fits.log();
    EXPECT_NE(does_not.log().find("level=warning event=connection_limit_too_high connections=321 "
                                  "fit=320 descriptors=1024 needed=1026 pipes=64"),
              std::string::npos)
        << does_not.log();
    // After a reload as well.
    fits.write_config(config({}, "limits: {connections: 321}\n"));
    EXPECT_EQ(fits.admin().post("/v1/reload").status, 200);
    EXPECT_NE(fits.log().find("connection_limit_too_high"), std::string::npos);
}

TEST_F(Start, AFailedFirstStartDecidesNothing) {
    start();
    auto yaml = config("    initial_live: green\n");
    const auto good = config();
    yaml.replace(yaml.find("127.0.0.1:0"), 11, address());
    Daemon second(yaml);
    expect_refusal(second, address());
    // Nobody has ever been served by it: the configuration still says which slot is the first.
    second.write_config(good);
    ASSERT_NO_THROW(second.start());
    EXPECT_EQ(second.admin().service("app").at("live").as_string(), "blue");
    EXPECT_EQ(second.terminate().code, 0);
}

TEST_F(Start, ABusyAdminSocketIsNamedAndStaysWithItsOwner) {
    start();
    const auto socket = daemon().dir().file("admin.sock");
    Daemon second(config({}, "admin: {socket: \"" + socket + "\"}\n"));
    expect_refusal(second, socket);
    EXPECT_EQ(admin().get("/v1/status").status, 200);
}

TEST_F(Start, ASocketThatACrashLeftIsNoObstacle) {
    start();
    const auto socket = daemon().dir().file("admin.sock");
    daemon().kill();
    ASSERT_TRUE(std::filesystem::exists(socket));
    ASSERT_NO_THROW(restart());
    EXPECT_EQ(get("/").status, 200);
    ASSERT_EQ(daemon().terminate().code, 0);
    EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST_F(Start, TheAdminSocketHasItsMode) {
    start();
    struct stat facts {};
    ASSERT_EQ(::stat(daemon().dir().file("admin.sock").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777, 0660u);
}

TEST_F(Start, AStateFileInUseIsNamed) {
    start();
    const auto state = daemon().dir().file("state.db");
    Daemon second(config({}, "state: \"" + state + "\"\n"));
    expect_refusal(second, state);
    EXPECT_NE(second.log().find("in use"), std::string::npos);
    switch_to(Colour::green);
}

TEST_F(Start, ADamagedStateFileIsNeverAnEmptyState) {
    start();
    switch_to(Colour::green);
    ASSERT_EQ(daemon().terminate().code, 0);
    const auto state = daemon().dir().file("state.db");
    const auto good = read_file(state);
    for (const auto& damaged :
         {std::string("this is no database, but somebody's notes\n"), good.substr(0, 1000),
          std::string(), "XXXX" + good.substr(4), std::string(4096, '\0')}) {
        daemon().dir().write("state.db", damaged);
        expect_refusal(daemon(), state);
        EXPECT_EQ(read_file(state), damaged) << "it touched what it could not read";
    }
    daemon().dir().write("state.db", good);
    restart();
    EXPECT_EQ(colour_of(get("/")), "green");
}

TEST_F(Start, TheLiveSlotHasToBeConfigured) {
    start();
    switch_to(Colour::green);
    ASSERT_EQ(daemon().terminate().code, 0);
    auto yaml = config();
    const auto green = yaml.find("      green:");
    yaml.erase(green, yaml.find("    health_check") - green);
    daemon().write_config(yaml);
    expect_refusal(daemon(), "app");
    EXPECT_NE(daemon().log().find("green"), std::string::npos) << daemon().log();
    daemon().write_config(config());
    restart();
    EXPECT_EQ(colour_of(get("/")), "green");
}

TEST_F(Start, CertificatesHaveToBeReadable) {
    const TestCertificates certificates({"scores.example"});
    auto yaml = config();
    yaml.replace(0, yaml.find("services:"), "listeners:\n" + certificates.listener());
    const auto with = [&](const std::string& from, const std::string& to) {
        auto changed = yaml;
        return changed.replace(changed.find(from), from.size(), to);
    };
    Daemon daemon(yaml);
    const auto missing = daemon.dir().file("missing.pem");
    daemon.write_config(with(certificates.certificate(), missing));
    expect_refusal(daemon, missing);
    const auto run = daemon.check();
    EXPECT_EQ(run.exit.code, 1);
    EXPECT_NE((run.out + run.err).find(missing), std::string::npos) << run.out << run.err;

    const auto garbage = daemon.dir().write("garbage.key", "-----BEGIN NONSENSE-----\n");
    daemon.write_config(with(certificates.key(), garbage));
    expect_refusal(daemon, garbage);

    daemon.write_config(with(certificates.key(), certificates.key("scores.example")));
    expect_refusal(daemon, certificates.key("scores.example"));

    daemon.write_config(yaml);
    expect_starts(daemon);
}

TEST_F(Start, AnUnwritableAccessLogIsNamed) {
    Daemon daemon(config({}, "access_log: {path: \"${DIR}/no/such/folder/access.log\"}\n"));
    expect_refusal(daemon, daemon.dir().file("no/such/folder/access.log"));
}

TEST_F(Start, ABusyMetricsAddressIsNamed) {
    start();
    Daemon second(
        config({}, "admin: {socket: \"${DIR}/admin.sock\", metrics: \"" + address() + "\"}\n"));
    expect_refusal(second, address());
}

TEST_F(Start, AnInvalidConfigurationIsRefusedWithEveryProblemAndItsPlace) {
    Daemon daemon(config("    no_such_key: 1\n    retries: many\n"));
    expect_refusal(daemon, "switchyard.yaml:12:5");
    EXPECT_NE(daemon.log().find("no_such_key"), std::string::npos);
    EXPECT_NE(daemon.log().find("switchyard.yaml:13:"), std::string::npos) << daemon.log();
    EXPECT_FALSE(std::filesystem::exists(daemon.dir().file("state.db")));
}

}  // namespace
}  // namespace switchyard::test
