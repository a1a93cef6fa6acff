#pragma once

/// How the command line ends. Scripts rely on these numbers: they never change.
namespace switchyard::admin {

enum ExitCode : int {
    kDone = 0,
    kRefused = 1,      ///< Refused or failed: nothing changed.
    kUsage = 2,        ///< The command itself was wrong.
    kUnreachable = 3,  ///< The daemon can't be reached, or went away before it told the outcome.
    kNotDrained = 4,   ///< Switched, but not everything drained in time (or nobody saw it).
    kIpBehind = 5,     ///< Switched, but the reserved IP did not follow (yet).
};

}  // namespace switchyard::admin
