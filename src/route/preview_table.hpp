#pragma once

#include "config/config.hpp"
#include "route/host_table.hpp"
#include "route/preview_pass.hpp"
#include "route/preview_signs.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::route {

/// Who may look at the idle slot of one service. Immutable.
struct PreviewGate {
    /// Throws std::runtime_error if OpenSSL can't compute digests.
    explicit PreviewGate(const config::Preview& preview);

    std::string header;  ///< As in PreviewNames; empty: none.
    std::string cookie;  ///< Empty: none, and no links.
    bool is_signed = false;
    bool forward = false;
    std::int64_t longest = 0;   ///< Seconds that a pass may last.
    std::vector<PassKey> keys;  ///< The first one signs; empty although signed: nobody gets in.
};

/// What the previews of all services look like: their names, and their hosts. Immutable.
class PreviewTable {
  public:
    /// Null: no service has a preview.
    [[nodiscard]] static std::shared_ptr<const PreviewTable> make(
        const std::vector<config::Service>& services);

    [[nodiscard]] PreviewNames names() const noexcept { return {headers_, cookies_}; }

    /// Position of the service whose preview has this host (lower case, without port), or -1. Does
    /// not allocate.
    [[nodiscard]] int find(std::string_view host, std::string_view path) const noexcept {
        return hosts_.find(host, path);
    }

  private:
    PreviewTable(const std::vector<config::Service>& services, HostTable hosts);

    std::vector<std::string> headers_;
    std::vector<std::string> cookies_;
    HostTable hosts_;  ///< With the hosts of previews in place of the services' own.
};

}  // namespace switchyard::route
