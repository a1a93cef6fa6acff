// The story that people install Switchyard for, on one machine: two hosts (real sshd), two
// checkouts of a real git repository, two application servers, the front door under load, and the
// reserved IP.
#include "integration/harness.hpp"
#include "support/fake_digitalocean.hpp"
#include "support/free_port.hpp"
#include "support/sshd.hpp"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

using namespace std::chrono_literals;

/// Programs that a deploy waits for start slowly on a busy machine.
Deadline long_deadline() {
    return Deadline(120s);
}

std::string shell(const std::string& command) {
    const Run run = run_program({"/bin/sh", "-c", command}, {}, long_deadline());
    if (run.exit.code != 0) {
        throw std::runtime_error(command + ": " + run.exit.text() + "\n" + run.out + run.err);
    }
    return run.out;
}

/// The repository that releases come from.
class Repository {
  public:
    explicit Repository(const std::string& path) : path_(path) {
        shell("git init --quiet --initial-branch main '" + path +
              "' && cp " SWITCHYARD_SOURCE_DIR "/tests/support/scoreboard/app.py '" + path + "'");
    }

    /// A tag whose release.py is this text.
    void release(const std::string& version, const std::string& text) const {
        std::ofstream(path_ + "/release.py") << text;
        shell("cd '" + path_ +
              "' && git add --all && git -c user.name=test -c user.email=test@test.example commit "
              "--quiet --message " +
              version + " && git tag " + version);
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
};

/// A droplet: an sshd, a checkout, and the application that runs from it.
class Host {
  public:
    Host(const Repository& repository, const std::string& version) : port_(free_port()) {
        shell("git clone --quiet '" + repository.path() + "' '" + checkout() + "' && cd '" +
              checkout() + "' && git checkout --quiet " + version);
        ProcessOptions options;
        options.arguments = {SWITCHYARD_SOURCE_DIR "/tests/support/scoreboard/serve", checkout(),
                             std::to_string(port_)};
        options.pipe_output = true;
        server_ = std::make_unique<Process>(options);
        if (server_->read_line(long_deadline()) != "ready") {
            throw std::runtime_error("the application was not started");
        }
    }

    [[nodiscard]] std::string checkout() const { return dir_.file("scoreboard"); }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] const Sshd& sshd() const noexcept { return sshd_; }
    [[nodiscard]] Sshd& sshd() noexcept { return sshd_; }
    [[nodiscard]] std::string application_log() const {
        return read_file(dir_.file("application.log"));
    }
    /// What visitors of this host itself see.
    [[nodiscard]] std::string page() const { return get(address(), "/").body; }

  private:
    TempDir dir_;
    Sshd sshd_;
    std::uint16_t port_;
    std::unique_ptr<Process> server_;
};

/// Visitors who never stop, over connections that stay open.
class Visitors {
  public:
    explicit Visitors(std::string address) : address_(std::move(address)) {
        for (int i = 0; i < 4; ++i)
            threads_.emplace_back([this] { visit(); });
    }
    ~Visitors() {
        stop_ = true;
        for (std::thread& thread : threads_)
            thread.join();
    }
    Visitors(const Visitors&) = delete;
    Visitors& operator=(const Visitors&) = delete;

    /// The pages that requests which begin from now on see, over at least so many of them.
    std::set<std::string> see(std::size_t requests = 100) {
        {
            const std::lock_guard lock(mutex_);
            ++round_;
            seen_.clear();
        }
        const bool enough = eventually(
            [&] {
                const std::lock_guard lock(mutex_);
                std::size_t count = 0;
                for (const auto& [page, times] : seen_)
                    count += times;
                return count >= requests || !failures_.empty();
            },
            long_deadline());
        EXPECT_TRUE(enough) << "the visitors got no answers";
        const std::lock_guard lock(mutex_);
        std::set<std::string> pages;
        for (const auto& [page, times] : seen_)
            pages.insert(page);
        return pages;
    }

    [[nodiscard]] std::string failures() const {
        const std::lock_guard lock(mutex_);
        return failures_;
    }
    [[nodiscard]] std::size_t answers() const { return answers_; }

  private:
    void visit() {
        std::string sent = "GET / HTTP/1.1\r\nHost: scores.example\r\n\r\n";
        try {
            Client client(address_);
            while (!stop_) {
                std::size_t round = 0;
                {
                    const std::lock_guard lock(mutex_);
                    round = round_;
                }
                client.send(sent);
                const Response response = read_response(client, "GET", long_deadline());
                ++answers_;
                const std::lock_guard lock(mutex_);
                if (response.status != 200 || !response.keep_alive()) {
                    failures_ += std::to_string(response.status) + ": " + response.body + "\n";
                    return;
                }
                if (round == round_) ++seen_[response.body];
            }
        } catch (const std::exception& error) {
            const std::lock_guard lock(mutex_);
            failures_ += std::string(error.what()) + "\n";
        }
    }

    std::string address_;
    mutable std::mutex mutex_;
    std::size_t round_ = 0;
    std::map<std::string, std::size_t> seen_;
    std::string failures_;
    std::atomic<std::size_t> answers_{0};
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

class DeployStory : public testing::Test {
  protected:
    DeployStory() : repository_(dir_.file("scoreboard.git")) {
        repository_.release("v1", "VERSION = 'v1'\nSCORES = 'scores of v1'\n");
        repository_.release("v2", "VERSION = 'v2'\nSCORES = 'scores of v2'\n");
        repository_.release("v3", "raise RuntimeError('no such table: scores')\n");
        repository_.release("v4", "VERSION = 'v4'\nSCORES = 'scores of nobody'\n");
        blue_ = std::make_unique<Host>(repository_, "v1");
        green_ = std::make_unique<Host>(repository_, "v1");
        api_.reset(FakeDigitalOcean::kBlue);
    }

    [[nodiscard]] std::string slot(const Host& host, std::uint64_t droplet) const {
        return "        targets: [\"" + host.address() + "\"]\n        deploy_to: [\"" +
               host.sshd().address() + "\"]\n        droplet_id: " + std::to_string(droplet) + "\n";
    }

    [[nodiscard]] std::string config() const {
        const SshKey& key = blue_->sshd().client_key();
        dir_.write("known_hosts",
                   blue_->sshd().known_hosts_line() + green_->sshd().known_hosts_line());
        dir_.write("token", std::string(FakeDigitalOcean::kToken) + "\n");
        std::string yaml =
            "listeners:\n  - address: \"127.0.0.1:0\"\n"
            "ssh:\n  key_file: " +
            key.file + "\n  known_hosts: " + dir_.file("known_hosts") +
            "\nservices:\n  scoreboard:\n    hosts: [\"*\"]\n    slots:\n      blue:\n" +
            slot(*blue_, FakeDigitalOcean::kBlue) + "      green:\n" +
            slot(*green_, FakeDigitalOcean::kGreen) +
            "    health_check: {path: /up, interval: 50ms, timeout: 5s, healthy_after: 2,"
            " unhealthy_after: 2}\n"
            "    deploy:\n"
            "      command: |\n"
            "        case $SWITCHYARD_SLOT in\n"
            "            blue) cd '" +
            blue_->checkout() + "' ;;\n            green) cd '" + green_->checkout() +
            "' ;;\n        esac\n"
            "        git fetch --quiet --tags\n"
            "        git checkout --quiet \"$SWITCHYARD_VERSION\"\n"
            "        git log -1 --format='now at %s'\n"
            "        " SWITCHYARD_SOURCE_DIR
            "/tests/support/scoreboard/restart\n"
            "      timeout: 1m\n"
            "      healthy_within: 10s\n"
            "      warm_up: [\"/\"]\n"
            "      before_switch: \"test -n \\\"$SWITCHYARD_VERSION\\\"\"\n"
            "      after_switch:\n"
            "        where: local\n"
            "        command: \"echo $SWITCHYARD_SERVICE $SWITCHYARD_SLOT $SWITCHYARD_VERSION"
            " $SWITCHYARD_EPOCH $SWITCHYARD_PREVIOUS_VERSION >>" +
            dir_.file("announced") +
            "\"\n"
            "reserved_ip:\n  provider: digitalocean\n  follows: scoreboard\n"
            "  address: " +
            std::string(FakeDigitalOcean::kIp) + "\n  token_file: " + dir_.file("token") +
            "\n  api: \"" + api_.url() +
            "\"\n  drift_interval: 50ms\n  poll_interval: 20ms\n"
            "  retry: {first: 20ms, longest: 80ms, refused: 100ms}\n";
        return yaml;
    }

    void start() {
        // The daemon has one key, which has to open the other host too.
        green_->sshd().authorize(blue_->sshd().client_key());
        daemon_ = std::make_unique<Daemon>(config());
        daemon_->start();
        for (const Colour colour : kColours) {
            ASSERT_TRUE(daemon_->wait_healthy("scoreboard", colour, true, long_deadline()))
                << daemon_->log();
        }
        visitors_ = std::make_unique<Visitors>(daemon_->address());
    }

    test::Run run(std::vector<std::string> arguments) const {
        return daemon_->cli(std::move(arguments), long_deadline());
    }
    [[nodiscard]] std::set<std::string> visitors_see() const { return visitors_->see(); }
    [[nodiscard]] static std::string everything(const test::Run& run) { return run.out + run.err; }

    TempDir dir_;
    Repository repository_;
    FakeDigitalOcean api_;
    std::unique_ptr<Host> blue_;
    std::unique_ptr<Host> green_;
    std::unique_ptr<Daemon> daemon_;
    std::unique_ptr<Visitors> visitors_;
};

using Pages = std::set<std::string>;

TEST_F(DeployStory, FromV1ToV2AndBackFromBadReleases) {
    ASSERT_NO_FATAL_FAILURE(start());
    EXPECT_EQ(visitors_see(), Pages{"scores of v1\n"});

    // v2 comes to the idle slot, and nobody sees it but who looks at that host.
    test::Run deploy = run({"deploy", "scoreboard", "--version", "v2"});
    ASSERT_EQ(deploy.exit.code, 0) << everything(deploy) << green_->application_log();
    EXPECT_NE(deploy.out.find("now at v2"), std::string::npos) << deploy.out;
    EXPECT_EQ(green_->page(), "scores of v2\n");
    EXPECT_EQ(visitors_see(), Pages{"scores of v1\n"});
    EXPECT_EQ(api_.holder(), FakeDigitalOcean::kBlue);

    // Live: everybody, at once, and the IP follows.
    test::Run change = run({"switch", "scoreboard", "--ip-wait", "1m"});
    ASSERT_EQ(change.exit.code, 0) << everything(change);
    EXPECT_EQ(visitors_see(), Pages{"scores of v2\n"});
    EXPECT_EQ(api_.holder(), FakeDigitalOcean::kGreen);
    test::Run status = run({"status"});
    EXPECT_NE(status.out.find("v2"), std::string::npos) << status.out;

    // v3 crashes when it starts. The deploy says so; v2 stays.
    deploy = run({"deploy", "scoreboard", "--version", "v3", "--switch"});
    EXPECT_EQ(deploy.exit.code, 1) << everything(deploy);
    EXPECT_NE(everything(deploy).find("refused"), std::string::npos) << everything(deploy);
    EXPECT_NE(everything(deploy).find("not touched"), std::string::npos) << everything(deploy);
    EXPECT_NE(blue_->application_log().find("no such table: scores"), std::string::npos);
    EXPECT_EQ(visitors_see(), Pages{"scores of v2\n"});
    EXPECT_EQ(api_.holder(), FakeDigitalOcean::kGreen);

    // v4 is healthy, goes live, and is wrong.
    deploy = run({"deploy", "scoreboard", "--version", "v4", "--switch", "--ip-wait", "1m"});
    ASSERT_EQ(deploy.exit.code, 0) << everything(deploy) << blue_->application_log();
    EXPECT_EQ(visitors_see(), Pages{"scores of nobody\n"});
    EXPECT_EQ(api_.holder(), FakeDigitalOcean::kBlue);

    // Back to v2 with one command, which says where it goes.
    change = run({"rollback", "scoreboard", "--ip-wait", "1m"});
    ASSERT_EQ(change.exit.code, 0) << everything(change);
    EXPECT_NE(change.out.find("v2"), std::string::npos) << change.out;
    EXPECT_EQ(visitors_see(), Pages{"scores of v2\n"});
    EXPECT_EQ(api_.holder(), FakeDigitalOcean::kGreen);

    // Nobody was turned away in all that, and no move of the IP was asked for twice.
    EXPECT_EQ(visitors_->failures(), "");
    EXPECT_GT(visitors_->answers(), 500U);
    EXPECT_EQ(api_.count("assign"), 3U);
    EXPECT_EQ(read_file(dir_.file("announced")), "scoreboard blue v4 3 v2\n");

    const test::Run history = run({"history", "scoreboard"});
    for (const char* text : {"v2", "v3", "v4", "failed", "switched", "deployed", "rollback"}) {
        EXPECT_NE(history.out.find(text), std::string::npos) << text << "\n" << history.out;
    }
}

TEST_F(DeployStory, AnUnknownHostKeyStopsBeforeAnythingRuns) {
    ASSERT_NO_FATAL_FAILURE(start());
    dir_.write("known_hosts", blue_->sshd().known_hosts_line());
    const test::Run deploy = run({"deploy", "scoreboard", "--version", "v2", "--switch"});
    EXPECT_EQ(deploy.exit.code, 1) << everything(deploy);
    EXPECT_NE(everything(deploy).find(green_->sshd().host_key().fingerprint), std::string::npos)
        << everything(deploy);
    EXPECT_EQ(green_->page(), "scores of v1\n");
    EXPECT_EQ(visitors_see(), Pages{"scores of v1\n"});
    EXPECT_EQ(visitors_->failures(), "");
}

TEST_F(DeployStory, ADaemonThatIsStoppedInTheMiddleSaysSoAfterwards) {
    ASSERT_NO_FATAL_FAILURE(start());
    visitors_.reset();
    // A command that waits for ever: its deploy is under way until somebody ends it.
    const std::string started = dir_.file("started");
    std::string yaml = config();
    const std::string restart =
        "        " SWITCHYARD_SOURCE_DIR "/tests/support/scoreboard/restart\n";
    const auto at = yaml.find(restart);
    ASSERT_NE(at, std::string::npos);
    // TERM does not end it: what follows takes the daemon some seconds.
    yaml.replace(at, restart.size(),
                 "        trap '' TERM; echo $$ >'" + started + "'; sleep 600; sleep 600\n");
    daemon_->write_config(yaml);
    ASSERT_EQ(run({"reload"}).exit.code, 0);

    test::Run deploy;
    std::thread command([&] { deploy = run({"deploy", "scoreboard", "--version", "v2"}); });
    const bool runs = eventually([&] { return !read_file(started).empty(); }, long_deadline());
    const std::string process =
        "/proc/" + std::to_string(std::stol(runs ? read_file(started) : "0"));
    daemon_->signal(SIGTERM);
    // Until it has been ended there, everybody is served: nothing else has to be waited for.
    std::size_t served = 0;
    bool refused_too_early = false;
    while (std::filesystem::exists(process) && !refused_too_early) {
        try {
            EXPECT_EQ(get(daemon_->address(), "/").body, "scores of v1\n");
            ++served;
        } catch (const ClientError&) {
            refused_too_early = std::filesystem::exists(process);
        }
    }
    const auto ended = daemon_->wait_exit(long_deadline());
    command.join();
    ASSERT_TRUE(runs) << everything(deploy);
    EXPECT_FALSE(refused_too_early);
    EXPECT_GT(served, 10U);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->code, 0);
    EXPECT_NE(deploy.exit.code, 0) << everything(deploy);

    daemon_->start();
    const test::Run history = run({"history", "scoreboard"});
    EXPECT_NE(history.out.find("interrupted"), std::string::npos) << history.out;
    EXPECT_EQ(get(daemon_->address(), "/").body, "scores of v1\n");
}

}  // namespace
}  // namespace switchyard::test
