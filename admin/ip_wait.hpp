#pragma once

#include "admin/context.hpp"

#include <chrono>
#include <cstdint>

namespace switchyard::admin {

/// How long `switch` and `rollback` wait for a reserved IP, if nothing else is said: a move takes
/// seconds.
inline constexpr std::chrono::milliseconds kIpWait{30'000};

/// Waits until the reserved IP follows `epoch`, at most until `deadline`, but looks at least once.
/// Prints how that went; sets the exit code to kIpBehind when the IP does not follow, or nobody
/// knows. `interrupt`: ends the wait when it is readable; -1: none.
void wait_for_ip(Context& context, std::int64_t epoch, std::chrono::milliseconds wait,
                 std::chrono::steady_clock::time_point deadline, int interrupt);

}  // namespace switchyard::admin
