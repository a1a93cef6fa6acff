#pragma once

#include "config/conflicts.hpp"
#include "config/section.hpp"

#include <string>
#include <vector>

/// From the tree of a file to the structs of config.hpp: one function a struct. They leave every
/// default to the struct, report what is wrong, and go on to the end.
namespace switchyard::config {

/// What places far from each other in the file claim.
struct FileClaims {
    Claims listeners;           ///< By address.
    Claims routes;              ///< By host and path.
    Claims hosts;               ///< Host names of services that are no wildcards.
    Ssh ssh;                    ///< What hosts that are deployed to may leave out.
    std::vector<Mark> deploys;  ///< Where services say how they are deployed.

    struct PreviewHost {
        std::string host;
        Mark mark;
    };
    std::vector<PreviewHost> preview_hosts;
};

/// The whole file. `log` collects the keys, for tests; may be null.
[[nodiscard]] Config read_config(const Document& document, const std::string& file,
                                 const std::string& folder, Report& report, KeyLog* log);

[[nodiscard]] Listener read_listener(Section& section, FileClaims& claims);

/// TLS of a listener.
void read_tls(Section& section, Tls& tls);

/// `tls` of a slot whose targets have been read. They all speak what it says afterwards.
void read_slot_tls(Section& section, Slot& slot);

/// The services have been read already.
[[nodiscard]] ReservedIp read_reserved_ip(Section& section, const std::vector<Service>& services);
void read_ssh(Section& section, Ssh& ssh);

/// `deploy_to` of a slot.
void read_deploy_to(Section& section, const Ssh& ssh, Slot& slot);

void read_deploy(Section& section, Deploy& deploy);
/// `compression` of a service.
void read_compression(Section& section, Compression& compression);

void read_hold(Section& section, Hold& hold);
void read_maintenance(Section& section, Maintenance& maintenance);

/// `ejection` of a service.
void read_ejection(Section& section, Ejection& ejection);
/// `retries` of a service: a number, or a section.
void read_retries(Section& section, Retries& retries);
/// `failover` of a service: a word, or a section. The slots have been read already.
void read_failover(Section& section, Service& service);

/// `preview` of a service. Reads the secrets; when that fails the section says so itself, since not
/// every machine that checks a file has them.
void read_preview(Section& section, Service& service, FileClaims& claims);

/// `canary` of a service whose slots and preview have been read. Its secrets as above.
void read_canary(Section& section, Service& service);

/// The keys secret_file and secret_credential, and the secrets themselves.
void read_secrets(Section& section, std::string& file, std::string& credential,
                  std::vector<std::string>& secrets, std::string& problem);

/// After all services: the host of a preview belongs to nobody else.
void check_preview_hosts(const FileClaims& claims, Report& report);

/// `name` has been checked already.
[[nodiscard]] Service read_service(Section& section, const std::string& name, FileClaims& claims);

}  // namespace switchyard::config
