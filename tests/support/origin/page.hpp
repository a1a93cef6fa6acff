#pragma once

#include <string>

namespace switchyard::origin {

struct World;

/// /page: what a person looks at while a switch goes on. Shows the slot that served the page, that
/// of a WebSocket (which is opened again when it was told to go away) and that of requests which
/// are sent all the time. `window.page` holds all that it has seen.
[[nodiscard]] std::string page(const World& world);

}  // namespace switchyard::origin
