#include "deploy/host_key.hpp"

#include "deploy/command_line.hpp"
#include "deploy/secret_file.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace switchyard::deploy {
namespace {

constexpr std::size_t kMaxKnownHosts = 16 * 1024 * 1024;
constexpr std::string_view kRevoked = "@revoked";

struct EntryFree {
    void operator()(ssh_knownhosts_entry* entry) const noexcept {
        ::ssh_knownhosts_entry_free(entry);
    }
};

/// As known_hosts names it.
std::string known_name(const config::DeployHost& host) {
    return host.port == 22 ? host.host : "[" + host.host + "]:" + std::to_string(host.port);
}

std::string kind_of(ssh_key key) {
    const std::string line = public_line_of(key);
    return line.substr(0, line.find(' '));
}

/// What known_hosts says about the host.
struct Known {
    std::vector<std::string> expected;  ///< "ssh-ed25519 SHA256:..."
    bool revoked = false;               ///< The very key that it shows.
};

void look_at(std::string line, const std::string& name, ssh_key shown, Known& known) {
    const bool revokes = line.starts_with(kRevoked);
    if (revokes) {
        const std::size_t begin = line.find_first_not_of(" \t", kRevoked.size());
        line.erase(0, std::min(begin, line.size()));
    }
    if (line.empty() || line.front() == '#') return;
    ssh_knownhosts_entry* found = nullptr;
    if (::ssh_known_hosts_parse_line(name.c_str(), line.c_str(), &found) != SSH_OK) return;
    const std::unique_ptr<ssh_knownhosts_entry, EntryFree> entry(found);
    if (!revokes) {
        known.expected.push_back(kind_of(entry->publickey) + " " +
                                 fingerprint_of(entry->publickey));
    } else if (::ssh_key_cmp(shown, entry->publickey, SSH_KEY_CMP_PUBLIC) == 0) {
        known.revoked = true;
    }
}

Known read_known(const std::string& text, const std::string& name, ssh_key shown) {
    Known known;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        std::string line = text.substr(begin, end - begin);
        line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
        while (line.ends_with('\r'))
            line.pop_back();
        look_at(std::move(line), name, shown, known);
        begin = end + 1;
    }
    return known;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts)
        text += (text.empty() ? "" : ", ") + part;
    return text;
}

/// How to see the fingerprint where nobody is in between.
std::string how_to_compare(const std::string& kind) {
    std::string file = kind == "ssh-ed25519" ? "ed25519" : kind == "ssh-rsa" ? "rsa" : "ecdsa";
    return "on the host itself 'ssh-keygen -lf /etc/ssh/ssh_host_" + file + "_key.pub' shows it";
}

Fault distrust(std::string message) {
    return {Outcome::Kind::host_key, std::move(message)};
}

std::optional<Fault> verify_pinned(const config::DeployHost& host, const std::string& seen,
                                   const std::string& kind) {
    if (!seen.empty() && seen == host.fingerprint) return std::nullopt;
    return distrust("the host key is not the pinned one: " + known_name(host) + " shows " + kind +
                    " " + seen + ", the configuration expects " + host.fingerprint +
                    ". Somebody may be in between, or the host was installed anew. Compare (" +
                    how_to_compare(kind) + "), then set its 'fingerprint' in 'deploy_to' to \"" +
                    seen + "\"");
}

std::optional<Fault> verify_known(const Link& link, ssh_key shown, const std::string& seen,
                                  const std::string& kind) {
    const std::string name = known_name(link.host());
    const std::string& file = link.settings().known_hosts;
    const std::string shows = name + " shows " + kind + " " + seen;
    const std::string line = name + " " + public_line_of(shown);
    const auto text = read_regular_file(file, kMaxKnownHosts);
    Known known;
    if (text) {
        known = read_known(*text, name, shown);
        if (known.revoked) {
            return distrust("the host key is revoked: " + shows + ", and a line @revoked of " +
                            file + " forbids it. Give the host a new key");
        }
        if (::ssh_session_is_known_server(link.session()) == SSH_KNOWN_HOSTS_OK) {
            return std::nullopt;
        }
    }
    if (!known.expected.empty()) {
        return distrust("the host key has changed: " + shows + ", " + file + " expects " +
                        joined(known.expected) +
                        ". Somebody may be in between, or the host was installed anew. Compare (" +
                        how_to_compare(kind) + "), then remove the old key with 'ssh-keygen -f " +
                        shell_quote(file) + " -R " + shell_quote(name) +
                        "' and add this line: " + line);
    }
    return distrust("the host key is unknown: " + shows + ", and " +
                    (text ? file + " has no key for it" : text.error().message) + ". Compare (" +
                    how_to_compare(kind) + "), then add this line to " + file + ": " + line +
                    " (or set \"" + seen + "\" as its 'fingerprint' in 'deploy_to')");
}

}  // namespace

std::string fingerprint_of(ssh_key key) {
    unsigned char* hash = nullptr;
    std::size_t size = 0;
    if (::ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0) return {};
    char* text = ::ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
    ::ssh_clean_pubkey_hash(&hash);
    std::string fingerprint = text == nullptr ? "" : text;
    ::ssh_string_free_char(text);
    return fingerprint;
}

std::string public_line_of(ssh_key key) {
    char* text = nullptr;
    if (::ssh_pki_export_pubkey_base64(key, &text) != SSH_OK) return {};
    const char* kind = ::ssh_key_type_to_char(::ssh_key_type(key));
    std::string line = std::string(kind == nullptr ? "unknown" : kind) + " " + text;
    ::ssh_string_free_char(text);
    return line;
}

std::optional<Fault> verify_host_key(const Link& link) {
    ssh_key key = nullptr;
    if (::ssh_get_server_publickey(link.session(), &key) != SSH_OK) {
        return distrust("the host has shown no key: " + link.error());
    }
    const KeyPointer shown(key);
    const std::string seen = fingerprint_of(key);
    const std::string kind = kind_of(key);
    if (!link.host().fingerprint.empty()) return verify_pinned(link.host(), seen, kind);
    return verify_known(link, key, seen, kind);
}

}  // namespace switchyard::deploy
