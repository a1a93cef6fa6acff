#include "server/remote_crew.hpp"

#include "deploy/local_run.hpp"

#include <algorithm>
#include <exception>
#include <poll.h>
#include <system_error>
#include <utility>

#include <boost/asio/post.hpp>

namespace switchyard::server {

namespace asio = boost::asio;
using control::RemoteOutcome;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kLinesAtOnce = 500;
constexpr auto kBetweenLines = 20ms;

RemoteOutcome::Kind kind_of(deploy::Outcome::Kind kind) {
    using From = deploy::Outcome::Kind;
    using To = RemoteOutcome::Kind;
    switch (kind) {
        case From::done:
            return To::done;
        case From::exit_status:
            return To::exit_status;
        case From::signal:
            return To::signal;
        case From::timed_out:
            return To::timed_out;
        case From::cancelled:
            return To::cancelled;
        case From::unreachable:
            return To::unreachable;
        case From::host_key:
            return To::host_key;
        case From::login:
            return To::login;
        case From::lost:
            break;
    }
    return To::lost;
}

RemoteOutcome outcome_of(const std::string& name, deploy::Outcome outcome) {
    return {name, kind_of(outcome.kind), outcome.exit_status, std::move(outcome.message),
            outcome.may_still_run};
}

deploy::Outcome broken(const std::string& name, const std::exception& error) {
    return {deploy::Outcome::Kind::unreachable, 0, name + ": " + error.what(), false};
}

}  // namespace

RemoteMember::RemoteMember(std::optional<config::DeployHost> host, const config::Ssh& ssh,
                           const std::shared_ptr<deploy::Cancellation>& cancel,
                           const deploy::Patience& limits)
    : name(host ? host->text : "local"),
      is_local(!host),
      cancellation(cancel),
      patience(limits),
      thread([this](int fd) {
          if (session) {
              session->idle(fd);
              return;
          }
          pollfd told{fd, POLLIN, 0};
          ::poll(&told, 1, -1);
      }) {
    if (host) session.emplace(*std::move(host), ssh, cancellation, patience);
}

void RemoteHouse::enter(const std::shared_ptr<RemoteCrew>& crew) {
    std::erase_if(crews_, [](const auto& known) { return known.expired(); });
    crews_.push_back(crew);
}

void RemoteHouse::leave(std::unique_ptr<RemoteMember> member) {
    member->cancellation->request();
    // Without a thread there is nobody to wait for; after close() nobody else waits.
    if (!member->started || closed_) return;
    RemoteMember* const raw = member.get();
    leaving_.push_back(std::move(member));
    raw->thread.finish([weak = weak_from_this(), on = executor, raw] {
        asio::post(on, [weak, raw] {
            if (const auto house = weak.lock()) house->forget(raw);
        });
    });
}

void RemoteHouse::forget(const RemoteMember* member) {
    leaving_.remove_if([member](const auto& kept) { return kept.get() == member; });
    if (leaving_.empty()) ended_.notify();
}

void RemoteHouse::close() {
    closed_ = true;
    cancel();
    leaving_.clear();
}

void RemoteHouse::cancel() {
    for (const auto& known : crews_) {
        if (const auto crew = known.lock()) crew->cancel();
    }
}

asio::awaitable<void> RemoteHouse::all_left(std::chrono::steady_clock::time_point deadline) {
    const auto self = shared_from_this();
    while (!leaving_.empty() && std::chrono::steady_clock::now() < deadline)
        co_await ended_.wait_until(deadline);
}

struct RemoteCrew::Pending {
    Pending(std::size_t count, const asio::any_io_executor& executor)
        : outcomes(count), left(count), changed(executor) {}

    std::vector<RemoteOutcome> outcomes;
    std::size_t left;
    control::Wakeup changed;
};

RemoteCrew::RemoteCrew(std::shared_ptr<RemoteHouse> house,
                       control::RemoteRunner::OnOutput on_output)
    : house_(std::move(house)),
      on_output_(std::move(on_output)),
      cancellation_(std::make_shared<deploy::Cancellation>()),
      queue_(std::make_shared<deploy::OutputQueue>()),
      next_lines_(house_->executor) {}

void RemoteCrew::enlist(std::vector<config::DeployHost> hosts, const config::Ssh& ssh) {
    for (auto& host : hosts) {
        members_.push_back(
            std::make_unique<RemoteMember>(std::move(host), ssh, cancellation_, house_->patience));
    }
}

void RemoteCrew::enlist_local() {
    members_.push_back(std::make_unique<RemoteMember>(std::nullopt, config::Ssh(), cancellation_,
                                                      house_->patience));
}

void RemoteCrew::leave() {
    left_ = true;
    cancel();
    next_lines_.cancel();
    for (auto& member : members_)
        house_->leave(std::move(member));
    members_.clear();
}

asio::awaitable<RemoteCrew::Outcomes> RemoteCrew::connect(std::shared_ptr<RemoteCrew> crew) {
    if (crew->members_.empty() || crew->members_.front()->is_local) co_return Outcomes();
    const Task task = [](RemoteMember& member) {
        deploy::Outcome outcome = member.session->connect();
        member.failed.reset();
        if (outcome.kind != deploy::Outcome::Kind::done) member.failed = outcome;
        return outcome;
    };
    Outcomes outcomes = co_await on_threads(crew, 0, crew->members_.size(), task);
    co_return outcomes;
}

asio::awaitable<RemoteCrew::Outcomes> RemoteCrew::run(std::shared_ptr<RemoteCrew> crew,
                                                      control::RemoteCommand command) {
    const deploy::Command asked{std::move(command.command), std::move(command.environment),
                                command.timeout};
    std::weak_ptr<RemoteCrew> weak = crew;
    const Task task = [asked, weak, on = crew->house_->executor,
                       queue = crew->queue_](RemoteMember& member) {
        if (member.failed) return *member.failed;
        const deploy::OnLine on_line = [&](bool from_stderr, std::string line) {
            if (!queue->push({member.name, from_stderr, std::move(line)})) return;
            asio::post(on, [weak] {
                if (const auto self = weak.lock()) self->drain();
            });
        };
        try {
            return member.session
                       ? member.session->run(asked, on_line)
                       : deploy::run_locally(asked, on_line, *member.cancellation, member.patience);
        } catch (const std::exception& error) {
            // Nobody knows how far it came.
            deploy::Outcome outcome = broken(member.name, error);
            outcome.may_still_run = true;
            return outcome;
        }
    };
    const std::size_t count = crew->members_.size();
    if (!command.one_by_one) {
        Outcomes outcomes = co_await on_threads(crew, 0, count, task);
        co_return outcomes;
    }
    Outcomes outcomes;
    std::string failed;
    for (std::size_t i = 0; i < count; ++i) {
        if (!failed.empty() && i < crew->members_.size()) {
            const std::string& name = crew->members_[i]->name;
            outcomes.push_back({name, RemoteOutcome::Kind::cancelled, 0,
                                name + ": not started, because " + failed + " failed", false});
            continue;
        }
        Outcomes one = co_await on_threads(crew, i, i + 1, task);
        if (one.empty()) break;  // The job has gone meanwhile.
        if (!one.front().ok()) failed = one.front().host;
        outcomes.push_back(std::move(one.front()));
    }
    co_return outcomes;
}

asio::awaitable<RemoteCrew::Outcomes> RemoteCrew::on_threads(std::shared_ptr<RemoteCrew> crew,
                                                             std::size_t first, std::size_t last,
                                                             Task task) {
    if (crew->left_) co_return Outcomes();
    const auto pending = std::make_shared<Pending>(last - first, crew->house_->executor);
    for (std::size_t i = first; i < last; ++i)
        crew->start(*crew->members_[i], i - first, task, pending);
    while (pending->left > 0)
        co_await pending->changed.wait();
    // What they printed comes before how they ended.
    if (!crew->left_) crew->deliver(deploy::OutputQueue::kMaxLines + 1);
    co_return std::move(pending->outcomes);
}

void RemoteCrew::start(RemoteMember& member, std::size_t index, const Task& task,
                       const std::shared_ptr<Pending>& pending) {
    const auto done = [pending, index, name = member.name](deploy::Outcome outcome) {
        pending->outcomes[index] = outcome_of(name, std::move(outcome));
        --pending->left;
        pending->changed.notify();
    };
    try {
        if (!member.started) member.thread.start();
        member.started = true;
    } catch (const std::system_error& error) {
        done(broken(member.name, error));
        return;
    }
    member.thread.post([raw = &member, task, done, on = house_->executor] {
        deploy::Outcome outcome;
        try {
            outcome = task(*raw);
        } catch (const std::exception& error) {
            outcome = broken(raw->name, error);
        }
        asio::post(on, [done, outcome = std::move(outcome)] { done(outcome); });
    });
}

void RemoteCrew::drain() {
    if (left_) return;
    const auto self = shared_from_this();
    std::vector<deploy::Output> lines = queue_->take(kLinesAtOnce);
    if (lines.empty()) return;
    for (deploy::Output& line : lines) {
        if (left_) return;
        on_output_({std::move(line.host), line.from_stderr, std::move(line.line)});
    }
    if (left_) return;
    next_lines_.expires_after(kBetweenLines);
    next_lines_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        if (error) return;
        if (const auto crew = weak.lock()) crew->drain();
    });
}

void RemoteCrew::deliver(std::size_t most) {
    const auto self = shared_from_this();
    for (deploy::Output& line : queue_->take(most)) {
        if (left_) return;
        on_output_({std::move(line.host), line.from_stderr, std::move(line.line)});
    }
}

}  // namespace switchyard::server
