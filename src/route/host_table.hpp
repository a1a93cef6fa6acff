#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace switchyard::route {

/// Finds a service by host and path prefix. Immutable. An exact host wins over a wildcard, the
/// longer wildcard over the shorter, any wildcard over "*"; within a host the longest path prefix
/// wins. A host without a fitting prefix falls back to the next less specific host.
class HostTable {
  public:
    explicit HostTable(const std::vector<config::Service>& services);

    /// Position of the service in the constructor's list, or -1. `host` in lower case without
    /// port, `path` without query. Does not allocate.
    [[nodiscard]] int find(std::string_view host, std::string_view path) const noexcept;

  private:
    struct Entry {
        std::string prefix;  ///< Without a slash at the end, so "/" is empty.
        int service;
    };
    using Entries = std::vector<Entry>;  ///< Longest prefix first.

    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    using Map = std::unordered_map<std::string, Entries, Hash, std::equal_to<>>;

    [[nodiscard]] static int find_path(const Entries& entries, std::string_view path) noexcept;

    Map exact_;
    Map wildcard_;  ///< Key: the part after "*.", which must be followed by a further label.
    Entries any_;
};

}  // namespace switchyard::route
