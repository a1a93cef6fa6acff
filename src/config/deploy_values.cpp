#include "config/deploy_values.hpp"

#include "config/address.hpp"
#include "config/characters.hpp"
#include "config/names.hpp"
#include "config/report.hpp"
#include "config/values.hpp"

#include <algorithm>

namespace switchyard::config {
namespace {

constexpr std::string_view kReservedPrefix = "SWITCHYARD_";
constexpr std::string_view kHash = "SHA256:";
constexpr std::size_t kMaxValueBytes = 4 * 1024;

/// Host and port behind the '@'.
Parsed<DeployHost> parse_place(std::string_view whole, std::string_view place) {
    DeployHost host;
    std::string_view name = place;
    std::string_view port;
    bool has_port = false;
    const bool bracketed = place.starts_with('[');
    if (bracketed) {
        const std::size_t close = place.find(']');
        if (close == std::string_view::npos) {
            return refusal(in_quotes(whole) + " lacks the closing ]");
        }
        name = place.substr(1, close - 1);
        const std::string_view rest = place.substr(close + 1);
        has_port = rest.starts_with(':');
        if (!rest.empty() && !has_port) {
            return refusal(in_quotes(whole) + " is no host; expected 'user@[address]:port'");
        }
        if (has_port) port = rest.substr(1);
    } else if (const std::size_t colon = place.find(':'); colon != std::string_view::npos) {
        if (place.find(':', colon + 1) != std::string_view::npos) {
            return refusal(in_quotes(whole) +
                           " needs brackets around an IPv6 address: 'user@[fd00::2]:22'");
        }
        name = place.substr(0, colon);
        port = place.substr(colon + 1);
        has_port = true;
    }
    if (has_port) {
        const auto number = parse_number(port, 1, 65535);
        if (!number) {
            return refusal(in_quotes(whole) + " has a bad port: " + number.error().message);
        }
        host.port = static_cast<std::uint16_t>(*number);
    }
    if (name.empty()) return refusal(in_quotes(whole) + " has no host; expected 'user@host:port'");
    const auto ip = canonical_ip(name);
    if (bracketed != (ip && ip->find(':') != std::string::npos)) {
        return refusal(in_quotes(whole) + " has brackets around an address that is not IPv6");
    }
    if (ip) {
        host.host = *ip;
        return host;
    }
    auto parsed = parse_host_name(name);
    if (!parsed) return parsed.error();
    host.host = *std::move(parsed);
    return host;
}

}  // namespace

Parsed<DeployHost> parse_deploy_host(std::string_view text) {
    if (text.empty()) return refusal("expected 'user@host:port', not an empty text");
    if (text.find("://") != std::string_view::npos) {
        return refusal(in_quotes(text) + ": leave out the scheme; expected 'user@host:port'");
    }
    const std::size_t at = text.rfind('@');
    const bool has_user = at != std::string_view::npos;
    auto host = parse_place(text, has_user ? text.substr(at + 1) : text);
    if (!host) return host;
    if (has_user) {
        auto user = parse_user_name(text.substr(0, at));
        if (!user) return user.error();
        host->user = *std::move(user);
    }
    host->text = std::string(text);
    return host;
}

Parsed<std::string> parse_user_name(std::string_view text) {
    const bool legal = std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
    });
    if (!legal || text.empty() || text.size() > 64 || text.front() == '-') {
        return refusal(in_quotes(text) +
                       " is not a user's name; expected up to 64 letters, digits, '-', '_' and "
                       "'.', the first one no '-'");
    }
    return std::string(text);
}

Parsed<std::string> parse_fingerprint(std::string_view text) {
    const auto bad = [&](const std::string& why) {
        return refusal(in_quotes(text) + " is not a fingerprint: " + why +
                       "; 'ssh-keygen -lf' prints it, like 'SHA256:' and 43 characters");
    };
    if (!text.starts_with(kHash)) return bad("it does not begin with 'SHA256:'");
    std::string_view digits = text.substr(kHash.size());
    if (digits.ends_with('=')) digits.remove_suffix(1);
    const bool legal = std::all_of(digits.begin(), digits.end(), [](char c) {
        return is_alphanumeric(c) || c == '+' || c == '/';
    });
    if (!legal) return bad("it has characters that are not base64");
    if (digits.size() != 43) {
        return bad("it has " + std::to_string(digits.size()) + " characters behind 'SHA256:'");
    }
    // 32 octets leave two bits of the last character unused.
    if (std::string_view("AEIMQUYcgkosw048").find(digits.back()) == std::string_view::npos) {
        return bad("its last character can't be " + in_quotes(digits.substr(42)));
    }
    return std::string(kHash) + std::string(digits);
}

Parsed<std::string> parse_variable_name(std::string_view text) {
    const bool legal = std::all_of(text.begin(), text.end(),
                                   [](char c) { return is_alphanumeric(c) || c == '_'; });
    if (!legal || text.empty() || text.size() > 255 ||
        (text.front() >= '0' && text.front() <= '9')) {
        return refusal(in_quotes(text) +
                       " is not a variable's name; expected letters, digits and '_', the first "
                       "one no digit");
    }
    if (text.starts_with(kReservedPrefix)) {
        return refusal(in_quotes(text) +
                       " is reserved: SWITCHYARD_ begins what a deploy tells its commands");
    }
    return std::string(text);
}

Parsed<std::string> parse_variable_value(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) {
        return refusal(in_quotes(text) + " has a zero byte, which no variable can hold");
    }
    if (text.size() > kMaxValueBytes) {
        return refusal("has " + std::to_string(text.size()) + " bytes; expected at most " +
                       format_size(kMaxValueBytes));
    }
    return std::string(text);
}

Parsed<std::string> parse_command(std::string_view text) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return refusal("expected a command for sh, not an empty text");
    }
    if (text.find('\0') != std::string_view::npos) {
        return refusal(in_quotes(text) + " has a zero byte, which no command can have");
    }
    if (text.size() > kMaxCommandBytes) {
        return refusal("has " + std::to_string(text.size()) + " bytes; expected at most " +
                       format_size(kMaxCommandBytes) + ", put it into a script on the host");
    }
    return std::string(text);
}

}  // namespace switchyard::config
