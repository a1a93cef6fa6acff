#pragma once

#include "control/ports.hpp"
#include "net/tls_context.hpp"
#include "observe/access_log.hpp"
#include "server/publisher.hpp"
#include "server/upstream_tls.hpp"
#include "server/worker.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace switchyard::server {

/// What clients reach: listening sockets, certificates, limits, and the access log, on all workers.
/// A reload prepares everything that can fail first, and applies it as a whole. Control thread.
class Front final : public control::ReloadTarget, public control::ProcessFacts {
  public:
    /// `upstream_tls` is prepared and applied with the rest.
    Front(boost::asio::io_context& context, WorkersPublisher& publisher, UpstreamTls& upstream_tls,
          std::size_t workers);
    ~Front() override;

    /// First start: prepare() for the first configuration, then this hands everything to the
    /// workers, before they run.
    void attach(std::vector<Worker*> workers);
    /// The options for the workers to start with; after prepare().
    [[nodiscard]] std::shared_ptr<const WorkerOptions> prepared_options() const;

    // control::ReloadTarget
    Result<void> prepare(std::shared_ptr<const config::Config> config) override;
    boost::asio::awaitable<void> apply() override;
    void discard() override;

    // control::ProcessFacts
    [[nodiscard]] std::vector<ListenerFact> listeners() const override;
    [[nodiscard]] std::span<const observe::WorkerCell> workers() const override { return cells_; }
    [[nodiscard]] std::uint64_t access_log_dropped() const override;

    [[nodiscard]] observe::WorkerCell& cell(std::size_t worker) { return cells_[worker]; }
    /// What is in force.
    [[nodiscard]] const config::Config& config() const noexcept { return *config_; }
    /// Client connections that the options in force allow; 0: any number.
    [[nodiscard]] std::uint32_t connection_limit() const noexcept { return connection_limit_; }
    /// SIGUSR1.
    void reopen_logs();
    /// After the workers ended: writes the rest of the access log. False: its disk hangs, and a
    /// thread with it.
    [[nodiscard]] bool close_log();

  private:
    struct Listening {
        config::Listener config;
        std::string real_address;
    };
    struct Plan {
        std::shared_ptr<const config::Config> config;
        std::shared_ptr<const WorkerOptions> options;
        std::vector<std::string> keys;                    ///< Of the listeners, in their order.
        std::map<std::string, std::vector<int>> sockets;  ///< Newly bound, by key.
        std::map<std::string, ListenerSettings> settings;
        bool replace_log = false;
        std::shared_ptr<observe::AccessLog> log;
    };

    /// Takes the plan over and returns what each worker has to do for it.
    std::function<void(Worker&)> take_over(std::shared_ptr<observe::AccessLog>& old_log);

    boost::asio::io_context& context_;
    WorkersPublisher& publisher_;
    UpstreamTls& upstream_tls_;
    std::vector<observe::WorkerCell> cells_;
    std::vector<Worker*> workers_;
    net::TicketKeys ticket_keys_;
    config::AccessLog log_config_;
    std::shared_ptr<observe::AccessLog> log_;
    std::uint64_t dropped_before_ = 0;
    std::uint32_t connection_limit_ = 0;
    std::shared_ptr<const config::Config> config_;
    std::vector<std::string> keys_;  ///< Of the listeners in force, in the file's order.
    std::map<std::string, Listening> listening_;
    std::shared_ptr<Plan> plan_;
};

}  // namespace switchyard::server
