#pragma once

#include "base/error.hpp"
#include "config/config.hpp"
#include "net/tls_client_context.hpp"
#include "route/target.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace switchyard::server {

/// TLS to the targets: a context for each slot that speaks it. A reload reads all files anew, and
/// takes over what changed; slots whose files are the same keep their connections. Control thread.
class UpstreamTls {
  public:
    /// Errors name service, slot, file and reason; what is in force stays.
    Result<void> prepare(const config::Config& config);
    /// What was prepared is in force from now on.
    void apply();
    void discard() noexcept { prepared_.reset(); }

    /// Before the target is connected to: gives it what was prepared, or else what is in force.
    void equip(route::Target& target) const;

    /// Reads what `config` names, for --check; one text a problem.
    static std::vector<std::string> problems(const config::Config& config);

  private:
    using Context = std::shared_ptr<const net::TlsClientContext>;
    using Contexts = std::map<std::pair<std::string, Colour>, Context>;

    Contexts in_force_;
    std::unique_ptr<Contexts> prepared_;
};

}  // namespace switchyard::server
