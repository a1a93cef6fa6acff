#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <boost/system/result.hpp>

namespace switchyard::deploy {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using std::chrono::milliseconds;

/// How connecting or a command came out.
struct Outcome {
    enum class Kind : std::uint8_t {
        done,         ///< Logged in; or the command ended with 0.
        exit_status,  ///< The command ended with another status.
        signal,       ///< A signal ended it.
        timed_out,    ///< It took longer than allowed.
        cancelled,    ///< Somebody asked to stop.
        unreachable,  ///< No connection, or no name.
        host_key,     ///< Unknown or changed host key.
        login,        ///< The key was not accepted, or could not be read.
        lost,         ///< The connection broke while the command ran.
    };
    Kind kind = Kind::done;
    int exit_status = 0;         ///< With exit_status only.
    std::string message = {};    ///< Why and what to do; empty when done.
    bool may_still_run = false;  ///< Whether the command could not be seen to end.
};

/// Why a step of the way failed; becomes an Outcome.
struct Fault {
    Outcome::Kind kind;
    std::string message;
};

template <class T>
using Step = boost::system::result<T, Fault>;

/// A line of output, without its end: UTF-8 without control characters, 4 KiB at most.
using OnLine = std::function<void(bool from_stderr, std::string line)>;

struct Command {
    std::string command;  ///< For sh.
    std::vector<std::pair<std::string, std::string>> environment;
    milliseconds timeout{};
};

/// How long what has to end may take about it.
struct Patience {
    milliseconds after_term{3'000};  ///< From SIGTERM to SIGKILL.
    milliseconds after_kill{1'000};  ///< From SIGKILL to giving up.
    milliseconds to_ask{5'000};      ///< Longer than both: reaching the host to end it there.
    /// A command ended, but something it left in the background holds its output open: how long
    /// without a word to wait for more.
    milliseconds open_output{500};
    milliseconds last_output{5'000};  ///< The same, when there always comes more.
};

/// The last line of a command whose output was still open when it was left.
inline constexpr const char* kOutputLeft =
    "(the command has ended, but its output stays open, as it does when something goes on in the "
    "background: what that prints from here on is not read)";

/// "the command ended with exit status 3"; what is known of some numbers behind it.
[[nodiscard]] std::string describe_exit_status(int status);

}  // namespace switchyard::deploy
