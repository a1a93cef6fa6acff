// Any text is either a configuration or a list of problems; never a crash, a hang or both.
#include "config/load.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto result = switchyard::config::load_text(text, "fuzz", "/nonexistent");
    if (result.ok()) {
        // What is accepted can be routed to.
        if (result.config.listeners.empty() || result.config.services.empty()) std::abort();
        for (const auto& service : result.config.services) {
            if (service.hosts.empty()) std::abort();
            const auto& live = service.slots[switchyard::index_of(service.initial_live)];
            if (!live || live->targets.empty()) std::abort();
        }
    }
    for (const auto& problem : result.problems) {
        const std::string line = problem.text();
        if (problem.message.empty()) std::abort();
        // Problems are shown on terminals.
        for (const char c : line) {
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
        }
    }
    return 0;
}
