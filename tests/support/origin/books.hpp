#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace switchyard::origin {

/// What became of the requests for one path. `started` counts complete heads; each of them ends as
/// answered (the whole answer was handed to the kernel), spoilt (the origin broke it off on
/// purpose: /drop, /reset, /truncate ...) or aborted (the peer went away first).
struct Tally {
    std::atomic<std::uint64_t> started{0};
    std::atomic<std::uint64_t> received{0};  ///< Head and whole body arrived.
    std::atomic<std::uint64_t> answered{0};
    std::atomic<std::uint64_t> spoilt{0};
    std::atomic<std::uint64_t> aborted{0};
};

/// Plain values of a Tally, for reports.
struct TallyValues {
    std::uint64_t started = 0;
    std::uint64_t received = 0;
    std::uint64_t answered = 0;
    std::uint64_t spoilt = 0;
    std::uint64_t aborted = 0;

    void add(const Tally& tally) noexcept;
};

/// The counts of one thread. tally() is called by that thread only; the others by any thread.
class Books {
  public:
    /// The tally of a path; the reference stays valid. Past kMaxPaths paths share one named
    /// "other".
    Tally& tally(std::string_view path);

    void add_to(std::map<std::string, TallyValues>& sums) const;
    void reset() noexcept;

    std::atomic<std::uint64_t> connections{0};  ///< Accepted.
    std::atomic<std::uint64_t> open{0};         ///< Of these, open now; not reset.
    std::atomic<std::uint64_t> malformed{0};    ///< Requests that were no legal HTTP.
    std::atomic<std::uint64_t> cut_heads{0};    ///< Connections that ended inside a head.
    std::atomic<std::uint64_t> stale_hits{0};   ///< Requests met by /stale's closed door.

  private:
    static constexpr std::size_t kMaxPaths = 1000;

    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };

    /// Guards insertion against the readers; the owning thread looks up without it.
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Tally, Hash, std::equal_to<>> tallies_;
};

}  // namespace switchyard::origin
