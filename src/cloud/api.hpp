#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

/// What is asked of a provider's API and what comes back, without any JSON or HTTP.
namespace switchyard::cloud {

/// A reserved IP as one look showed it.
struct IpView {
    std::optional<std::uint64_t> droplet;  ///< The holder; none: assigned to nobody.
    bool holder_shown = true;  ///< False: the answer did not tell the holder (a missing scope).
    bool locked = false;       ///< An action is pending: others would be refused.
    std::string region;        ///< "nyc3"; empty: not told.
    bool operator==(const IpView&) const = default;
};

enum class ActionStatus : std::uint8_t {
    in_progress,  ///< Also "new", which was seen too.
    completed,    ///< Also "done".
    errored,
    unknown,  ///< A word that is not documented: look at the IP.
};

struct ActionView {
    std::uint64_t id = 0;
    ActionStatus status = ActionStatus::unknown;
    std::string word;  ///< As the API said it.
    bool operator==(const ActionView&) const = default;
};

struct DropletView {
    std::uint64_t id = 0;
    std::string region;
    bool operator==(const DropletView&) const = default;
};

/// Why a request came to nothing. `message` is a sentence for a person, never holds the token.
struct Failure {
    enum class Kind : std::uint8_t {
        token,         ///< There is no token to send.
        unauthorized,  ///< 401.
        forbidden,     ///< 403: a scope is missing.
        not_found,     ///< 404.
        pending,       ///< 422: another action is pending.
        rejected,      ///< Another 4xx, or a 3xx.
        rate_limited,  ///< 429.
        server,        ///< 5xx.
        malformed,     ///< An answer of 2xx that says nothing understandable.
        network,       ///< No answer in time, no connection, no verified certificate.
    };
    Kind kind = Kind::network;
    unsigned status = 0;  ///< Of the answer; 0: there was none.
    std::string message;
    /// Of 429: when the API wants to be asked again.
    std::optional<std::chrono::milliseconds> retry_after;
    bool sent = true;  ///< The request may have reached the API (and done its work).

    /// Time alone won't help: somebody has to change something.
    [[nodiscard]] bool lasting() const noexcept {
        return kind == Kind::token || kind == Kind::unauthorized || kind == Kind::forbidden ||
               kind == Kind::not_found || kind == Kind::rejected;
    }
};

[[nodiscard]] std::string_view to_string(Failure::Kind kind);

template <class T>
using Answer = boost::system::result<T, Failure>;

/// For Answer::value() without a value: a mistake of the caller.
[[noreturn]] void throw_exception_from_error(const Failure& failure,
                                             const boost::source_location& where);

}  // namespace switchyard::cloud
