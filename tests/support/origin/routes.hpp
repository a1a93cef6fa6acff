#pragma once

#include "support/origin/answer.hpp"
#include "support/origin/request.hpp"
#include "support/origin/world.hpp"

#include <cstdint>

/// Which path answers how: README.md has the table.
namespace switchyard::origin {

/// Where a request came from, for /echo.
struct Arrival {
    std::uint64_t connection = 0;  ///< Number of the connection, unique in this origin.
    std::uint64_t request = 0;     ///< Number of the request on it, from 1.
};

/// Decided when the head is there.
[[nodiscard]] Plan plan_for(const Request& request);

/// Decided when the body is there (or was ignored).
[[nodiscard]] Answer answer_for(const Request& request, const Received& body,
                                const Arrival& arrival, World& world);

/// False for the paths that steer the origin itself, which are not in the books.
[[nodiscard]] bool is_counted(const Request& request);

/// "Not Found" for 404; "Status" for what has no name.
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace switchyard::origin
