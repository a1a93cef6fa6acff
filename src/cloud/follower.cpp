#include "cloud/follower.hpp"

#include "base/log.hpp"

#include <exception>
#include <random>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace switchyard::cloud {
namespace asio = boost::asio;

namespace {

std::string join(const std::vector<std::string>& texts, const char* between) {
    std::string out;
    for (const std::string& text : texts)
        out += (out.empty() ? "" : between) + text;
    return out;
}

bool is_v6(const std::string& address) {
    return address.find(':') != std::string::npos;
}

}  // namespace

struct Follower::Core : std::enable_shared_from_this<Follower::Core> {
    Core(asio::io_context& a_context, config::ReservedIp a_config,
         std::vector<std::uint64_t> some_droplets, OnNote a_callback)
        : context(a_context),
          config(std::move(a_config)),
          droplets(std::move(some_droplets)),
          on_note(std::move(a_callback)),
          reconciler(config, std::random_device{}()),
          wake(a_context),
          changed(a_context, asio::steady_timer::time_point::max()) {
        connect();
    }

    asio::io_context& context;
    config::ReservedIp config;
    std::vector<std::uint64_t> droplets;
    OnNote on_note;  ///< Empty: the follower is gone.
    Reconciler reconciler;
    std::shared_ptr<DigitalOcean> api;
    std::shared_ptr<HttpClient> metadata_http;
    std::vector<std::weak_ptr<DigitalOcean>> former_apis;  ///< A request may still use one.
    asio::steady_timer wake;     ///< Until the next step; cancelled when something is called.
    asio::steady_timer changed;  ///< Never expires; cancelled when a step ended or a task did.
    std::optional<TokenReport> token;
    std::optional<MetadataView> metadata;
    bool token_tested = false;  ///< Or being tested.
    Steady::time_point test_token_at{};
    bool confirming = false;
    std::size_t tasks = 0;
    bool started = false;
    bool stopping = false;

    void connect();
    void spawn(asio::awaitable<void> task);
    void kick() { wake.cancel(); }
    void tell();
    asio::awaitable<void> work(std::shared_ptr<Core> self);
    asio::awaitable<void> test_token(std::shared_ptr<Core> self, std::optional<IpView> seen);
    asio::awaitable<void> confirm(std::shared_ptr<Core> self);
    asio::awaitable<void> wait_for_change(asio::steady_timer::time_point limit);
    void after_look(const Answer<IpView>& answer);
};

void Follower::Core::connect() {
    std::erase_if(former_apis, [](const auto& each) { return each.expired(); });
    if (api) former_apis.push_back(api);
    if (metadata_http) metadata_http->abort();
    api = std::make_shared<DigitalOcean>(context, config);
    metadata_http = std::make_shared<HttpClient>(context, config.metadata_url);
    if (config.metadata_confirm && config.metadata_url.tls) {
        (void)metadata_http->trust({});  // its problem becomes the answer
    }
}

/// Tasks keep the core alive, and end soon after `stopping` is set and requests are aborted.
void Follower::Core::spawn(asio::awaitable<void> task) {
    ++tasks;
    asio::co_spawn(
        context, std::move(task), [self = shared_from_this()](const std::exception_ptr& error) {
            --self->tasks;
            self->changed.cancel();
            if (!error) return;
            try {
                std::rethrow_exception(error);
            } catch (const std::exception& what) {
                spdlog::error("reserved_ip_task_failed error={}", log_value(what.what()));
            }
        });
}

void Follower::Core::tell() {
    for (const Note& note : reconciler.take_notes()) {
        if (on_note) on_note(note);
    }
}

asio::awaitable<void> Follower::Core::wait_for_change(asio::steady_timer::time_point limit) {
    // `changed` serves several waiters, so its expiry must not be touched.
    asio::steady_timer deadline(context, limit);
    deadline.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) self->changed.cancel();
    });
    boost::system::error_code ignored;
    co_await changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> Follower::Core::work([[maybe_unused]] std::shared_ptr<Core> self) {
    boost::system::error_code ignored;
    while (!stopping) {
        const Reconciler::Next next = reconciler.advance(Steady::now());
        tell();
        const std::shared_ptr<DigitalOcean> asked = api;
        switch (next.step) {
            case Reconciler::Step::wait:
                wake.expires_at(next.until);
                co_await wake.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
                continue;
            case Reconciler::Step::look: {
                // What was refused may be allowed to another token by now.
                const auto& failure = reconciler.last_failure();
                if (failure && failure->lasting() && reconciler.failing()) asked->renew_token();
                const Answer<IpView> answer = co_await asked->look();
                if (stopping) break;
                reconciler.looked(answer, Steady::now());
                after_look(answer);
                break;
            }
            case Reconciler::Step::assign: {
                const Answer<ActionView> answer = co_await asked->assign(next.id);
                if (stopping) break;
                reconciler.assigned(answer, Steady::now());
                break;
            }
            case Reconciler::Step::poll: {
                const Answer<ActionView> answer = co_await asked->action(next.id);
                if (stopping) break;
                reconciler.polled(answer, Steady::now());
                break;
            }
        }
        tell();
        changed.cancel();
    }
}

/// What a look is the occasion for.
void Follower::Core::after_look(const Answer<IpView>& answer) {
    const bool telling = answer || answer.error().kind == Failure::Kind::forbidden;
    if (telling && !token_tested && Steady::now() >= test_token_at) {
        token_tested = true;
        std::optional<IpView> seen;
        if (answer) seen = *answer;
        spawn(test_token(shared_from_this(), std::move(seen)));
    }
    if (config.metadata_confirm && reconciler.settled() && !std::exchange(confirming, true)) {
        spawn(confirm(shared_from_this()));
    }
}

asio::awaitable<void> Follower::Core::test_token([[maybe_unused]] std::shared_ptr<Core> self,
                                                 std::optional<IpView> seen) {
    const std::shared_ptr<DigitalOcean> asked = api;
    TokenReport report = co_await check_token(asked, droplets, std::move(seen));
    if (stopping || asked != api) co_return;
    if (!report.complete()) {
        spdlog::warn("reserved_ip_token_untested address={} reason={}", config.address,
                     log_value(join(report.untested, "; ")));
        token_tested = false;  // with a later look
        test_token_at = Steady::now() + config.retry.refused;
    }
    if (!report.missing.empty()) {
        spdlog::error("reserved_ip_token_incomplete address={} missing={}", config.address,
                      log_value(join(report.missing, ",")));
    }
    for (const std::string& problem : report.problems) {
        spdlog::error("reserved_ip_problem address={} problem={}", config.address,
                      log_value(problem));
    }
    if (report.good() && report.complete()) {
        spdlog::info("reserved_ip_token_tested address={}", config.address);
    }
    token = std::move(report);
}

asio::awaitable<void> Follower::Core::confirm([[maybe_unused]] std::shared_ptr<Core> self) {
    const std::shared_ptr<HttpClient> asked = metadata_http;
    const bool v6 = is_v6(config.address);
    MetadataView view = co_await read_metadata(asked, v6, config.request_timeout);
    confirming = false;
    if (stopping || asked != metadata_http) co_return;
    const bool ours =
        reconciler.settled() && view.error.empty() && view.droplet == reconciler.desired()->droplet;
    if (ours && !view.active) {
        spdlog::warn("reserved_ip_metadata_disagrees address={} droplet={}", config.address,
                     view.droplet);
    }
    metadata = std::move(view);
}

Follower::Follower(asio::io_context& context, config::ReservedIp config,
                   std::vector<std::uint64_t> droplets, OnNote on_note)
    : core_(std::make_shared<Core>(context, std::move(config), std::move(droplets),
                                   std::move(on_note))) {}

Follower::~Follower() {
    begin_stop();
    core_->on_note = nullptr;
}

void Follower::want(Desired desired) {
    core_->reconciler.want(desired, Steady::now());
    if (!std::exchange(core_->started, true)) core_->spawn(core_->work(core_));
    core_->kick();
}

void Follower::reconfigure(config::ReservedIp config, std::vector<std::uint64_t> droplets) {
    core_->config = config;
    core_->droplets = std::move(droplets);
    core_->reconciler.set_rules(std::move(config), Steady::now());
    core_->connect();  // a request under way goes on with the former client
    core_->token.reset();
    core_->token_tested = false;
    core_->test_token_at = {};
    core_->metadata.reset();
    core_->kick();
}

asio::awaitable<void> Follower::sync(std::chrono::milliseconds limit) {
    const std::shared_ptr<Core> core = core_;
    const Steady::time_point deadline = Steady::now() + limit;
    const std::uint64_t before = core->reconciler.looks();
    core->reconciler.sync(Steady::now());
    core->kick();
    while (core->reconciler.looks() == before && !core->stopping && Steady::now() < deadline) {
        co_await core->wait_for_change(deadline);
    }
}

void Follower::begin_stop() {
    if (std::exchange(core_->stopping, true)) return;
    core_->api->abort();
    for (const auto& each : core_->former_apis) {
        if (const auto former = each.lock()) former->abort();
    }
    core_->metadata_http->abort();
    core_->kick();
    core_->changed.cancel();
}

asio::awaitable<void> Follower::stop() {
    begin_stop();
    const std::shared_ptr<Core> core = core_;
    while (core->tasks != 0) {
        co_await core->wait_for_change(Steady::now() + std::chrono::seconds(1));
    }
}

bool Follower::running() const noexcept {
    return core_->tasks != 0;
}

const config::ReservedIp& Follower::config() const noexcept {
    return core_->config;
}

const Reconciler& Follower::reconciler() const noexcept {
    return core_->reconciler;
}

const std::optional<TokenReport>& Follower::token() const noexcept {
    return core_->token;
}

const std::optional<MetadataView>& Follower::metadata() const noexcept {
    return core_->metadata;
}

}  // namespace switchyard::cloud
