#include "control/times.hpp"

#include <cstdio>
#include <ctime>

namespace switchyard::control {

std::string rfc3339(Wall::time_point time) {
    const auto since_epoch =
        std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    std::int64_t seconds = since_epoch / 1000;
    std::int64_t milliseconds = since_epoch % 1000;
    if (milliseconds < 0) {
        milliseconds += 1000;
        --seconds;
    }
    const std::time_t whole = static_cast<std::time_t>(seconds);
    std::tm parts{};
    gmtime_r(&whole, &parts);
    char text[64];
    const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(text + length, sizeof text - length, ".%03dZ", static_cast<int>(milliseconds));
    return text;
}

std::uint64_t steady_now_ns() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(Steady::now().time_since_epoch())
            .count());
}

Wall::time_point wall_of_steady(std::uint64_t steady_ns) {
    const auto age =
        static_cast<std::int64_t>(steady_now_ns()) - static_cast<std::int64_t>(steady_ns);
    return Wall::now() - std::chrono::duration_cast<Wall::duration>(std::chrono::nanoseconds(age));
}

std::int64_t microseconds_between(Steady::time_point from, Steady::time_point to) {
    return std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
}

std::int64_t milliseconds_between(Steady::time_point from, Steady::time_point to) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
}

}  // namespace switchyard::control
