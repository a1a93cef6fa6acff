#include "config/address.hpp"
#include "config/deploy_values.hpp"
#include "config/names.hpp"
#include "config/read.hpp"

#include <set>

namespace switchyard::config {
namespace {

/// For the remote hosts when it is only a text.
void read_hook(Section& section, std::string_view key, std::optional<Hook>& hook) {
    const Value* value = section.value(key);
    if (value == nullptr) return;
    if (value->kind == Value::Kind::scalar) {
        section.read(key, hook.emplace().command, parse_command);
        return;
    }
    section.section(key, [&](Section& inner) {
        hook.emplace();
        inner.read("command", hook->command, parse_command);
        if (!inner.has("command")) inner.missing("command", "expected a command for sh");
        inner.read("where", hook->where, [](std::string_view text) -> Parsed<Hook::Where> {
            const auto index = parse_choice(text, {"remote", "local"});
            if (!index) return index.error();
            return *index == 0 ? Hook::Where::remote : Hook::Where::local;
        });
        inner.duration("timeout", hook->timeout, 1ms, kLongestDuration);
    });
}

bool read_warm_up_paths(Section& section, std::string_view key, WarmUp& warm_up) {
    return section.texts(key, parse_request_target,
                         [&](std::string path, Mark) { warm_up.paths.push_back(std::move(path)); });
}

/// A list of paths, or a map with it.
void read_warm_up(Section& section, WarmUp& warm_up) {
    const Value* value = section.value("warm_up");
    if (value == nullptr) return;
    if (value->kind == Value::Kind::list) {
        read_warm_up_paths(section, "warm_up", warm_up);
        return;
    }
    section.section("warm_up", [&](Section& inner) {
        if (!read_warm_up_paths(inner, "paths", warm_up)) {
            inner.missing("paths", "expected a list of paths, like [\"/\"]");
        }
        inner.duration("limit", warm_up.limit, 1ms, kLongestDuration);
    });
}

void read_variables(Section& section, Deploy& deploy) {
    section.entries("env", [&](const std::string& key, Mark mark, const Value& value) {
        auto name = parse_variable_name(key);
        if (!name) {
            section.problem(mark, "env", name.error().message);
            return;
        }
        if (!section.is_scalar(value, key)) return;
        auto text = parse_variable_value(value.text);
        if (!text) {
            section.problem(value.mark, key, text.error().message);
            return;
        }
        deploy.env.emplace(*std::move(name), *std::move(text));
    });
}

void read_host(Section& section, const Value& item, const Ssh& ssh, Claims& own, Slot& slot) {
    DeployHost host;
    std::string fingerprint;
    Mark mark = item.mark;
    if (item.kind == Value::Kind::map) {
        section.section_of(item, "deploy_to[]", "deploy_to[]", [&](Section& inner) {
            inner.read("host", host, parse_deploy_host);
            inner.read("fingerprint", fingerprint, parse_fingerprint);
            if (!inner.has("host")) inner.missing("host", "expected 'user@host:port'");
            mark = inner.mark("host");
        });
    } else if (section.is_scalar(item, "deploy_to")) {
        auto parsed = parse_deploy_host(item.text);
        if (!parsed) {
            section.problem(mark, "deploy_to", parsed.error().message);
            return;
        }
        host = *std::move(parsed);
    }
    if (host.host.empty()) return;  // Told already.
    host.fingerprint = std::move(fingerprint);
    if (host.user.empty() && ssh.user.empty()) {
        section.problem(mark, "deploy_to",
                        in_quotes(host.text) +
                            " names no user; expected 'user@host:port', or 'ssh.user' at the top "
                            "level");
        return;
    }
    const std::string& user = host.user.empty() ? ssh.user : host.user;
    const std::string whole = user + "@" + Endpoint{host.host, host.port}.text();
    if (const auto* earlier = own.claim(whole, "", mark)) {
        section.problem(mark, "deploy_to",
                        in_quotes(host.text) + " twice in one slot, " + first_given(earlier->mark));
        return;
    }
    slot.deploy_to.push_back(std::move(host));
}

}  // namespace

void read_ssh(Section& section, Ssh& ssh) {
    const auto empty_or = [](auto parse) {
        return [parse](std::string_view text) -> Parsed<std::string> {
            return text.empty() ? Parsed<std::string>(std::string()) : parse(text);
        };
    };
    const auto path = [&section](std::string_view text) -> Parsed<std::string> {
        return section.reader().resolve(std::string(text));
    };
    section.read("user", ssh.user, empty_or(parse_user_name));
    section.read("key_file", ssh.key_file, empty_or(path));
    section.read("passphrase_file", ssh.passphrase_file, empty_or(path));
    section.read("agent", ssh.agent, empty_or(path));
    if (const auto why = socket_path_problem(ssh.agent)) {
        section.problem(section.mark("agent"), "agent", *why);
    }
    section.file("known_hosts", ssh.known_hosts);
    const auto no_placeholder = [&section](const char* key, const std::string& file) {
        if (file.find('%') == std::string::npos) return;
        section.problem(section.mark(key), key,
                        in_quotes(file) +
                            " has a '%', which the SSH library takes for a placeholder; expected "
                            "another name");
    };
    no_placeholder("agent", ssh.agent);
    no_placeholder("known_hosts", ssh.known_hosts);
    section.duration("connect_timeout", ssh.connect_timeout, 1ms, 1h);
    section.duration("keep_alive", ssh.keep_alive, 1ms, 1h);
    if (!ssh.key_file.empty() && !ssh.agent.empty()) {
        section.problem(section.mark("agent"), "agent",
                        "impossible together with 'key_file': the key comes from one of them");
    }
    if (!ssh.passphrase_file.empty() && ssh.key_file.empty()) {
        section.problem(section.mark("passphrase_file"), "passphrase_file",
                        "has a meaning only together with 'key_file'");
    }
}

void read_deploy_to(Section& section, const Ssh& ssh, Slot& slot) {
    Claims own;
    const bool any = section.list(
        "deploy_to", [&](const Value& item) { read_host(section, item, ssh, own, slot); });
    if (!any && section.has("deploy_to")) {
        section.problem(section.mark("deploy_to"), "deploy_to",
                        "an empty list; expected the hosts of the slot, like "
                        "[\"deploy@10.0.0.2\"]");
    }
}

void read_deploy(Section& section, Deploy& deploy) {
    section.read("command", deploy.command, parse_command);
    if (!section.has("command")) {
        section.missing("command", "expected what brings a release onto a host, for sh");
    }
    section.duration("timeout", deploy.timeout, 1ms, kLongestDuration);
    section.flag("one_by_one", deploy.one_by_one);
    read_variables(section, deploy);
    section.duration("healthy_within", deploy.healthy_within, 1ms, kLongestDuration);
    read_warm_up(section, deploy.warm_up);
    read_hook(section, "before_switch", deploy.before_switch);
    read_hook(section, "after_switch", deploy.after_switch);
}

}  // namespace switchyard::config
