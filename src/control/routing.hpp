#pragma once

#include "control/ports.hpp"
#include "control/times.hpp"
#include "control/wakeup.hpp"
#include "route/snapshot.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace switchyard::control {

/// The books of a slot since the start, over all epochs (C18): accepted is the sum of the rest.
struct Books {
    std::array<std::uint64_t, observe::kOutcomes> ended{};
    std::uint64_t in_flight = 0;
    std::uint64_t tunnels = 0;  ///< Of those in flight.

    [[nodiscard]] std::uint64_t of(observe::Outcome outcome) const noexcept {
        return ended[static_cast<std::size_t>(outcome)];
    }
    [[nodiscard]] std::uint64_t accepted() const noexcept;
    Books& operator+=(const Books& other) noexcept;
};

/// The current snapshot and what became of the former ones. Publications happen one after another.
/// A replaced service state is kept until its ledgers are empty and all workers passed once more
/// after that; then its totals go into the books and it is freed. Control thread only.
class Routing {
  public:
    struct Published {
        PublishResult result;
        Wall::time_point at{};  ///< When the new routing became visible.
        Steady::time_point visible{};
        Steady::time_point acknowledged{};
    };
    using Services = std::vector<std::shared_ptr<const route::ServiceState>>;
    /// What stands before a service from the next publication on; null: nothing.
    using MakeGate = std::function<std::shared_ptr<const route::Gate>(const route::ServiceState&)>;

    /// `make_gate` is asked for every service, at each publication.
    Routing(boost::asio::any_io_executor executor, Publisher& publisher, MakeGate make_gate);

    /// The first snapshot; it is not published (the workers start with it).
    void begin(std::shared_ptr<const config::Config> config, Services services);

    [[nodiscard]] const std::shared_ptr<const route::Snapshot>& current() const noexcept {
        return current_;
    }
    /// nullptr: no such service.
    [[nodiscard]] std::shared_ptr<const route::ServiceState> find(const std::string& service) const;

    /// Publishes a snapshot in which `next` takes the place of its service's state.
    boost::asio::awaitable<Published> replace(std::shared_ptr<const route::ServiceState> next);
    /// The same, with what `make` makes of the state in force at that moment; null: nothing is
    /// published.
    boost::asio::awaitable<std::optional<Published>> replace_by(
        std::string service,
        std::function<std::shared_ptr<const route::ServiceState>(const route::ServiceState&)> make);
    /// Publishes a snapshot of a new configuration; `services` in its order.
    boost::asio::awaitable<Published> replace_all(std::shared_ptr<const config::Config> config,
                                                  Services services);
    /// Publishes the same routing once more, so that gates take effect and what is empty can be
    /// freed.
    boost::asio::awaitable<Published> republish();

    /// Looks for states that became empty. True: republish() would free something, or a worker did
    /// not confirm the last publication.
    [[nodiscard]] bool sweep();

    /// Ledgers of a slot that still have requests in flight, or are in force; oldest epoch first.
    [[nodiscard]] std::vector<std::shared_ptr<route::Ledger>> ledgers(const std::string& service,
                                                                      Colour colour) const;
    [[nodiscard]] Books books(const std::string& service, Colour colour) const;
    /// Steady nanoseconds of the last request routed to the slot in an epoch before `epoch`; 0:
    /// none.
    [[nodiscard]] std::uint64_t last_entered(const std::string& service, Colour colour,
                                             std::uint64_t before_epoch) const;
    /// States that wait for their requests, or for the next publication, to be freed.
    [[nodiscard]] std::size_t retired() const noexcept { return retired_.size(); }

  private:
    struct Retired {
        std::shared_ptr<const route::ServiceState> state;
        std::uint64_t replaced_in = 0;             ///< Version of the snapshot without it.
        std::optional<std::uint64_t> empty_since;  ///< Version in force when it was seen empty.
    };
    struct Folded {
        Books books;
        std::uint64_t last_entered_ns = 0;
    };

    boost::asio::awaitable<Published> publish(std::shared_ptr<route::Snapshot> next);
    void retire_missing(const route::Snapshot& former, const route::Snapshot& next);
    void free_empty();
    void fold(const route::ServiceState& state);
    void make_gates(route::Snapshot& snapshot) const;

    Publisher& publisher_;
    MakeGate make_gate_;
    AsyncMutex publishing_;
    std::shared_ptr<const route::Snapshot> current_;
    std::uint64_t confirmed_ = 0;  ///< Newest version that every worker confirmed.
    std::list<Retired> retired_;
    std::map<std::pair<std::string, Colour>, Folded> folded_;
};

}  // namespace switchyard::control
