#pragma once

#include "base/colour.hpp"
#include "bench/common/histogram.hpp"
#include "bench/switch/kinds.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace switchyard::bench {

/// Something that must not happen, with the guarantee of the switch contract that it breaks.
struct Violation {
    std::string guarantee;  ///< "C1", "C18", ...
    std::string test_id;    ///< Of the request (its X-Test-Id), or "-".
    std::string text;
};

/// Counts all violations and keeps the first ones of each guarantee.
class Violations {
  public:
    void add(std::string guarantee, std::string test_id, std::string text);

    std::uint64_t total() const noexcept { return total_; }
    const std::map<std::string, std::uint64_t>& counts() const noexcept { return counts_; }
    const std::vector<Violation>& kept() const noexcept { return kept_; }

  private:
    static constexpr std::uint64_t kKeptOfEach = 10;
    std::uint64_t total_ = 0;
    std::map<std::string, std::uint64_t> counts_;
    std::vector<Violation> kept_;
};

/// What the clients of one kind have seen.
struct KindTally {
    std::uint64_t requests = 0;  ///< Begun: the first byte was written.
    std::uint64_t ok = 0;
    std::uint64_t failed = 0;
    std::uint64_t left = 0;  ///< The client went away on purpose.
    Histogram calm;          ///< Latency while nobody switched.
    Histogram switching;     ///< Latency while switches went on.
    Histogram around;        ///< Of these, requests that a switch may have met: see LastSwitch.
    Histogram between;       ///< The others.
};

/// The clients' side of the books.
struct ClientBooks {
    std::uint64_t accepted = 0;
    std::uint64_t completed = 0;
    std::uint64_t client_abort = 0;
    std::uint64_t failed = 0;
    std::array<std::uint64_t, 2> completed_by_slot{};  ///< By index_of(Colour).
    std::array<std::uint64_t, 2> client_abort_by_slot{};
};

struct Tally {
    std::array<std::array<KindTally, kTransports>, kKinds> kinds;  ///< By Kind, then Transport.
    std::uint64_t messages = 0;       ///< Of WebSockets, that came back.
    std::uint64_t told_to_leave = 0;  ///< WebSockets that the proxy closed with 1001.
    std::uint64_t grpc_messages = 0;  ///< That the origin sent.
    std::uint64_t placed = 0;         ///< Answers held to what is known of a client (C16).
    Violations violations;
    bool switching = false;  ///< Which histogram a finished request goes to.
};

}  // namespace switchyard::bench
