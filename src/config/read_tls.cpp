#include "config/address.hpp"
#include "config/names.hpp"
#include "config/read.hpp"

#include <algorithm>

namespace switchyard::config {
namespace {

Parsed<TlsVersion> parse_tls_version(std::string_view text) {
    const auto index = parse_choice(text, {"1.2", "1.3"});
    if (!index) return index.error();
    return *index == 0 ? TlsVersion::tls1_2 : TlsVersion::tls1_3;
}

/// Both of them, or an error about the missing one.
void read_certificate(Section& section, Certificate& certificate) {
    section.file("certificate", certificate.certificate);
    section.file("key", certificate.key);
    if (!section.has("certificate")) {
        section.missing("certificate", "expected the path of a PEM file with the chain");
    }
    if (!section.has("key")) {
        section.missing("key", "expected the path of a PEM file with the private key");
    }
}

Parsed<std::string> parse_server_name(std::string_view text) {
    if (auto address = canonical_ip(text)) return *std::move(address);
    return parse_host_name(text);
}

void read_target_tls(Section& section, TargetTls& tls) {
    section.file("ca_file", tls.ca_file);
    section.read("server_name", tls.server_name, parse_server_name);
    section.flag("verify", tls.verify);
    if (section.has("certificate") || section.has("key")) {
        read_certificate(section, tls.client.emplace());
    }
    section.read("min_version", tls.min_version, parse_tls_version);
    if (!tls.verify && section.has("ca_file")) {
        section.problem(section.mark("ca_file"), "ca_file",
                        "has no meaning with 'verify: false': any certificate is taken");
    }
}

}  // namespace

void read_tls(Section& section, Tls& tls) {
    const bool any = section.sections("certificates", [&](Section& entry) {
        read_certificate(entry, tls.certificates.emplace_back());
    });
    if (!any) {
        section.missing("certificates",
                        "TLS needs at least one, each with 'certificate' and 'key'");
    }
    section.read("min_version", tls.min_version, parse_tls_version);
    section.read("ciphers", tls.ciphers, parse_cipher_list);
    section.flag("session_tickets", tls.session_tickets);
}

void read_slot_tls(Section& section, Slot& slot) {
    using Scheme = Target::Scheme;
    const auto says = [&](Scheme scheme) {
        return std::any_of(slot.targets.begin(), slot.targets.end(),
                           [&](const Target& target) { return target.scheme == scheme; });
    };
    bool consistent = true;
    if (says(Scheme::https) && (says(Scheme::http) || says(Scheme::unsaid))) {
        section.problem(section.mark("targets"), "targets",
                        "some begin with https:// and others do not; all targets of a slot speak "
                        "the same");
        consistent = false;
    } else if (section.has("tls") && says(Scheme::http)) {
        section.problem(section.mark("targets"), "targets",
                        "http:// contradicts 'tls' of this slot; expected https:// or none");
        consistent = false;
    }
    if (says(Scheme::https)) slot.tls.emplace();
    section.section("tls", [&](Section& inner) { read_target_tls(inner, slot.tls.emplace()); });
    const bool socket =
        std::any_of(slot.targets.begin(), slot.targets.end(),
                    [](const Target& target) { return target.kind == Target::Kind::unix_socket; });
    if (consistent && slot.tls && slot.tls->verify && slot.tls->server_name.empty() && socket) {
        section.problem(section.mark("targets"), "targets",
                        "a unix socket has no name that a certificate could be for; expected "
                        "'server_name' in 'tls'");
    }
    for (Target& target : slot.targets)
        target.scheme = slot.tls ? Scheme::https : Scheme::unsaid;
}

}  // namespace switchyard::config
