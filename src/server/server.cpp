#include "server/server.hpp"

#include "base/log.hpp"
#include "base/notify.hpp"
#include "base/pipe.hpp"
#include "control/control.hpp"
#include "net/tls_memory.hpp"
#include "server/front.hpp"
#include "server/monitor_port.hpp"
#include "server/publisher.hpp"
#include "server/remote_port.hpp"
#include "server/reserved_ip_port.hpp"
#include "server/worker.hpp"
#include "state/store.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <memory>
#include <sys/resource.h>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace switchyard::server {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// How long cut connections get to say goodbye.
constexpr std::chrono::seconds kFarewell{2};
/// What runs on hosts is ended within ten seconds, unless a disk holds its thread.
constexpr std::chrono::seconds kRemoteFarewell{15};
/// How long the start waits for the addresses of targets that are host names.
constexpr std::chrono::seconds kFirstLookups{3};

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/// Workers allocate and free buffers all the time: glibc must not give each top of a heap back to
/// the kernel and fetch it again (measured: up to 1.6 mprotect calls a request with TLS).
void keep_freed_memory() {
    ::mallopt(M_TRIM_THRESHOLD, 32 * 1024 * 1024);
    ::mallopt(M_TOP_PAD, 1024 * 1024);
    ::mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
}

class Daemon {
  public:
    explicit Daemon(std::shared_ptr<const config::Config> config)
        : config_(std::move(config)),
          worker_count_(worker_count(*config_)),
          context_(1),
          signals_(context_),
          notifier_(Notifier::from_environment()),
          publisher_(context_, worker_count_),
          monitor_(context_, upstream_tls_),
          reserved_ip_(context_),
          remote_(context_.get_executor()),
          front_(context_, publisher_, upstream_tls_, worker_count_) {}

    ~Daemon() {
        for (const auto& worker : workers_)
            worker->join();
    }

    Result<void> start();
    void run() { context_.run(); }
    /// After run(): gives everything back that others may wait for (files, sockets, locks). False:
    /// a thread is stuck in a call that nobody can end, and the process must not wait for it.
    [[nodiscard]] bool finish();

  private:
    asio::awaitable<void> serve();
    asio::awaitable<void> handle_signals();
    asio::awaitable<void> reload();
    asio::awaitable<void> stop();
    asio::awaitable<void> watch_workers();
    asio::awaitable<std::size_t> open_sessions();
    asio::awaitable<void> wait_for_changes(std::chrono::steady_clock::time_point deadline);
    asio::awaitable<bool> wait_for_sessions(std::chrono::steady_clock::time_point deadline);
    void start_task(asio::awaitable<void> task);
    [[nodiscard]] std::vector<Worker*> worker_pointers() const;

    std::shared_ptr<const config::Config> config_;
    std::size_t worker_count_;
    asio::io_context context_;
    asio::signal_set signals_;
    Notifier notifier_;
    WorkersPublisher publisher_;
    UpstreamTls upstream_tls_;
    MonitorPort monitor_;
    ReservedIpPort reserved_ip_;
    RemotePort remote_;
    Front front_;
    ConnectionLimiter limiter_;
    std::unique_ptr<control::ControlPlane> control_;
    std::vector<std::unique_ptr<Worker>> workers_;
    bool serving_ = false;
    bool stopping_ = false;
    bool hurry_ = false;
    bool stopped_ = false;
    bool reloading_ = false;
    bool reload_wanted_ = false;
    bool log_closed_ = true;
};

/// Everything that can fail, in an order in which nothing has to be taken back: the state's lock
/// and content, the listeners and certificates, the admin socket, the first records; then the
/// workers, who begin to accept as soon as their targets can be connected to.
Result<void> Daemon::start() {
    // First: from now on a signal waits instead of ending the process.
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
        signals_.add(signal);
    auto store = state::Store::open(config_->state);
    if (!store) return store.error();
    control_ = std::make_unique<control::ControlPlane>(
        context_, config_, std::move(*store),
        control::Ports{publisher_, monitor_, front_, front_, &reserved_ip_, &remote_});
    auto snapshot = control_->prepare();
    if (!snapshot) return snapshot.error();
    if (auto prepared = front_.prepare(config_); !prepared) return prepared.error();
    if (auto listening = control_->listen(); !listening) return listening.error();
    if (auto recorded = control_->record(); !recorded) return recorded.error();

    publisher_.set_first(*snapshot);
    Pipe::set_most(pipes_by_descriptors(worker_count_));
    for (std::size_t i = 0; i < worker_count_; ++i) {
        workers_.push_back(std::make_unique<Worker>(i, publisher_.current(), front_.cell(i),
                                                    limiter_, front_.prepared_options()));
    }
    const auto shared = std::count_if(workers_.begin(), workers_.end(), [](const auto& worker) {
        return !worker->has_tls_library();
    });
    if (shared != 0) spdlog::info("tls_library_shared workers={}", shared);
    publisher_.set_workers(worker_pointers());
    for (const auto& worker : workers_)
        worker->start();
    start_task(serve());
    return {};
}

std::vector<Worker*> Daemon::worker_pointers() const {
    std::vector<Worker*> pointers;
    for (const auto& worker : workers_)
        pointers.push_back(worker.get());
    return pointers;
}

asio::awaitable<void> Daemon::serve() {
    control_->start();
    start_task(handle_signals());
    start_task(watch_workers());
    // Clients wait in the listen queue meanwhile. A name that nobody knows must not stop the rest.
    co_await monitor_.resolved(kFirstLookups);
    if (stopping_) co_return;
    front_.attach(worker_pointers());
    // Only now: a reload needs what was attached.
    serving_ = true;
    control_->open();
    if (reload_wanted_) start_task(reload());
    for (const auto& listener : front_.listeners()) {
        spdlog::info("listening address={} tls={} redirect={}", log_value(listener.address),
                     listener.tls, listener.redirect);
    }
    for (const config::Service& service : config_->services) {
        if (service.preview && !service.preview->is_signed()) {
            spdlog::warn("preview_without_secret service={}", log_value(service.name));
        }
    }
    if (config_->limits.connections == 0) {
        spdlog::info("connection_limit connections={} reason=descriptors",
                     front_.connection_limit());
    }
    spdlog::info("ready version={} workers={} services={} admin_socket={}", SWITCHYARD_VERSION,
                 worker_count_, config_->services.size(), log_value(config_->admin.socket));
    if (auto told = notifier_.ready("serving"); !told) {
        spdlog::warn("notify_failed error={}", log_value(told.error().message));
    }
}

/// Tasks end with the context's run: all of them look at stopped_.
void Daemon::start_task(asio::awaitable<void> task) {
    asio::co_spawn(context_, std::move(task), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
}

asio::awaitable<void> Daemon::handle_signals() {
    while (!stopped_) {
        boost::system::error_code failed;
        const int signal =
            co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, failed));
        if (failed) co_return;
        switch (signal) {
            case SIGHUP:
                // One that comes during a reload asks for another: the file may be read already.
                reload_wanted_ = true;
                if (serving_ && !stopping_ && !reloading_) start_task(reload());
                break;
            case SIGUSR1:
                spdlog::info("reopening_logs");
                front_.reopen_logs();
                break;
            default:
                if (stopping_) {
                    hurry_ = true;
                } else {
                    stopping_ = true;
                    start_task(stop());
                }
                break;
        }
    }
}

asio::awaitable<void> Daemon::reload() {
    reloading_ = true;
    // Said only when it begins: a deploy may be waited for, and systemd waits with us.
    co_await control_->free_for_reload();
    (void)notifier_.reloading("reloading the configuration");
    std::string problem;
    while (std::exchange(reload_wanted_, false) && !stopping_)
        problem = co_await control_->reload_for_signal();
    (void)notifier_.ready(problem.empty() ? "serving" : "serving; the last reload was refused");
    reloading_ = false;
}

asio::awaitable<std::size_t> Daemon::open_sessions() {
    auto count = std::make_shared<std::atomic<std::size_t>>(0);
    const std::function<void(Worker&)> ask = [count](Worker& worker) {
        count->fetch_add(worker.sessions());
    };
    const auto stuck = co_await publisher_.on_workers(ask, 1s);
    co_return count->load() + stuck.size();
}

/// Until no switch or deploy is being made. A second signal ends the wait.
asio::awaitable<void> Daemon::wait_for_changes(std::chrono::steady_clock::time_point deadline) {
    asio::steady_timer timer(context_);
    while (control_->controller().any_change_under_way() && !hurry_ &&
           std::chrono::steady_clock::now() < deadline) {
        timer.expires_after(20ms);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

/// True when every connection has ended. A second signal ends the wait.
asio::awaitable<bool> Daemon::wait_for_sessions(std::chrono::steady_clock::time_point deadline) {
    asio::steady_timer timer(context_);
    for (;;) {
        const std::size_t open = co_await open_sessions();
        if (open == 0) co_return true;
        if (hurry_ || std::chrono::steady_clock::now() >= deadline) co_return false;
        timer.expires_after(20ms);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

asio::awaitable<void> Daemon::stop() {
    (void)notifier_.stopping("finishing requests");
    control_->expect_stop();
    const auto limit = front_.config().timeouts.shutdown;
    (void)notifier_.extend_timeout(limit + 3 * kFarewell + 2 * kRemoteFarewell + 10s);
    spdlog::info("stopping timeout_ms={}", limit.count());
    // What a deploy runs on its hosts is ended first, while the workers still serve: that may take
    // some seconds, in which nobody has to be turned away.
    co_await wait_for_changes(std::chrono::steady_clock::now() + kRemoteFarewell);
    const std::function<void(Worker&)> drain = [](Worker& worker) { worker.drain(); };
    if ((co_await publisher_.on_workers(drain, 2s)).empty()) spdlog::info("listeners_closed");
    bool empty = co_await wait_for_sessions(std::chrono::steady_clock::now() + limit);
    if (!empty) {
        spdlog::warn("cutting_connections reason={}", hurry_ ? "second_signal" : "timeout");
        const std::function<void(Worker&)> cut = [](Worker& worker) { worker.cut_all(); };
        co_await publisher_.on_workers(cut, 1s);
        if (!hurry_) {
            empty = co_await wait_for_sessions(std::chrono::steady_clock::now() + kFarewell);
        }
        const std::function<void(Worker&)> end = [](Worker& worker) { worker.stop_sessions(); };
        hurry_ = false;
        if (!empty) {
            co_await publisher_.on_workers(end, 1s);
            empty = co_await wait_for_sessions(std::chrono::steady_clock::now() + kFarewell);
        }
    }
    co_await control_->stop();
    co_await remote_.close(kRemoteFarewell);
    co_await monitor_.stop();
    co_await reserved_ip_.stop();
    for (const auto& worker : workers_)
        worker->join();
    log_closed_ = front_.close_log();
    spdlog::info("stopped");
    stopped_ = true;
    boost::system::error_code ignored;
    signals_.cancel(ignored);
    context_.stop();
}

bool Daemon::finish() {
    const bool names_done = control_->close();
    control_.reset();
    return names_done && log_closed_ && monitor_.lookups() == 0 && remote_.leaving() == 0;
}

/// WATCHDOG=1 as long as this loop turns and every worker answers.
asio::awaitable<void> Daemon::watch_workers() {
    const auto interval = notifier_.watchdog_interval();
    if (!interval) co_return;
    asio::steady_timer timer(context_);
    while (!stopped_) {
        timer.expires_after(*interval);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if (stopped_) co_return;
        const std::function<void(Worker&)> nothing = [](Worker&) {};
        const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(*interval);
        const auto stuck = co_await publisher_.on_workers(nothing, limit);
        if (stuck.empty()) {
            (void)notifier_.watchdog();
        } else {
            spdlog::error("worker_stuck worker={}", stuck.front());
        }
    }
}

}  // namespace

bool prepare_tls_memory() noexcept {
    return net::use_tls_memory();
}

int run(config::Config config) {
    ::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    keep_freed_memory();
    Daemon daemon(std::make_shared<const config::Config>(std::move(config)));
    if (auto started = daemon.start(); !started) {
        std::fprintf(stderr, "switchyardd: %s\n", started.error().message.c_str());
        return 1;
    }
    daemon.run();
    if (!daemon.finish()) {
        spdlog::default_logger()->flush();
        std::_Exit(0);
    }
    return 0;
}

}  // namespace switchyard::server
