#include "server/remote_port.hpp"

#include "server/remote_crew.hpp"

#include <utility>

namespace switchyard::server {

namespace asio = boost::asio;

namespace {

class Job final : public control::RemoteJob {
  public:
    explicit Job(std::shared_ptr<RemoteCrew> crew) : crew_(std::move(crew)) {}
    ~Job() override { crew_->leave(); }
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    asio::awaitable<std::vector<control::RemoteOutcome>> connect() override {
        return RemoteCrew::connect(crew_);
    }
    asio::awaitable<std::vector<control::RemoteOutcome>> run(
        control::RemoteCommand command) override {
        return RemoteCrew::run(crew_, std::move(command));
    }
    void cancel() override { crew_->cancel(); }

  private:
    std::shared_ptr<RemoteCrew> crew_;
};

}  // namespace

RemotePort::RemotePort(asio::any_io_executor executor, deploy::Patience patience)
    : house_(std::make_shared<RemoteHouse>(std::move(executor), patience)) {}

RemotePort::~RemotePort() {
    house_->close();
}

std::shared_ptr<control::RemoteJob> RemotePort::open(std::vector<config::DeployHost> hosts,
                                                     config::Ssh ssh, OnOutput on_output) {
    auto crew = std::make_shared<RemoteCrew>(house_, std::move(on_output));
    crew->enlist(std::move(hosts), ssh);
    house_->enter(crew);
    return std::make_shared<Job>(std::move(crew));
}

std::shared_ptr<control::RemoteJob> RemotePort::open_local(OnOutput on_output) {
    auto crew = std::make_shared<RemoteCrew>(house_, std::move(on_output));
    crew->enlist_local();
    house_->enter(crew);
    return std::make_shared<Job>(std::move(crew));
}

asio::awaitable<void> RemotePort::close(std::chrono::milliseconds limit) {
    house_->cancel();
    return house_->all_left(std::chrono::steady_clock::now() + limit);
}

std::size_t RemotePort::leaving() const noexcept {
    return house_->leaving();
}

}  // namespace switchyard::server
