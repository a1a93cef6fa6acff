#include "config/names.hpp"
#include "config/preview_secret.hpp"
#include "config/read.hpp"

namespace switchyard::config {

void read_secrets(Section& section, std::string& file, std::string& credential,
                  std::vector<std::string>& secrets, std::string& problem) {
    section.read("secret_file", file, [&section](std::string_view text) -> Parsed<std::string> {
        return text.empty() ? std::string() : section.reader().resolve(std::string(text));
    });
    section.read("secret_credential", credential, [](std::string_view text) -> Parsed<std::string> {
        return text.empty() ? Parsed<std::string>(std::string()) : parse_credential_name(text);
    });
    if (!file.empty() && !credential.empty()) {
        section.problem(section.mark("secret_credential"), "secret_credential",
                        "impossible together with 'secret_file': the secrets come from one of "
                        "them");
        return;
    }
    if (file.empty() && credential.empty()) return;
    Parsed<std::string> path(file);
    if (!credential.empty()) path = credential_path(credential);
    if (!path) {
        problem = path.error().message;
        return;
    }
    auto read = read_preview_secrets(*path);
    if (read) {
        secrets = *std::move(read);
    } else {
        problem = read.error().message;
    }
}

void read_canary(Section& section, Service& service) {
    Canary& canary = service.canary.emplace();
    section.read("stick", canary.stick, [](std::string_view text) -> Parsed<Canary::Stick> {
        const auto index = parse_choice(text, {"cookie", "header", "address"});
        if (!index) return index.error();
        return static_cast<Canary::Stick>(*index);
    });
    section.read("header", canary.header, [](std::string_view text) -> Parsed<std::string> {
        return text.empty() ? Parsed<std::string>(std::string()) : parse_header_name(text);
    });
    section.read("cookie", canary.cookie, parse_cookie_name);
    section.duration("max_age", canary.max_age, 1min, kLongestDuration);
    read_secrets(section, canary.secret_file, canary.secret_credential, canary.secrets,
                 canary.secret_problem);
    section.flag("forward", canary.forward);

    if (!service.slots[0] || !service.slots[1]) {
        section.problem(section.mark(), "canary",
                        "sends clients to the idle slot, and a service with one slot has none; "
                        "expected 'blue' and 'green' in 'slots'");
    }
    const bool by_header = canary.stick == Canary::Stick::header;
    if (by_header && canary.header.empty()) {
        section.missing("header",
                        "'stick: header' needs the field that tells the client, like X-User-Id");
    } else if (!by_header && !canary.header.empty()) {
        section.problem(section.mark("header"), "header",
                        "has a meaning only together with 'stick: header'");
    }
    for (const std::string_view key :
         {"cookie", "max_age", "secret_file", "secret_credential", "forward"}) {
        if (canary.stick == Canary::Stick::cookie || !section.has(key)) continue;
        section.problem(section.mark(key), key, "has a meaning only together with 'stick: cookie'");
    }
    if (canary.stick == Canary::Stick::cookie && service.preview &&
        service.preview->cookie == canary.cookie) {
        section.problem(
            section.mark("cookie"), "cookie",
            in_quotes(canary.cookie) + " is the cookie of the preview; expected another name");
    }
}

}  // namespace switchyard::config
