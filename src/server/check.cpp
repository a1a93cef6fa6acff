// switchyardd --check: what can be tried without starting.
#include "cloud/token_check.hpp"
#include "net/tls_context.hpp"
#include "server/reserved_ip_port.hpp"
#include "server/server.hpp"
#include "server/upstream_tls.hpp"

#include <cstdio>
#include <exception>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace switchyard::server {

namespace asio = boost::asio;

namespace {

int check_certificates(const config::Config& config) {
    net::TicketKeys keys;
    int problems = 0;
    for (const config::Listener& listener : config.listeners) {
        if (!listener.tls) continue;
        if (auto tls = net::TlsContext::create(*listener.tls, keys); !tls) {
            std::fprintf(stderr, "%s: listener %s: %s\n", config.file.c_str(),
                         listener.address.c_str(), tls.error().message.c_str());
            ++problems;
        }
    }
    for (const std::string& text : UpstreamTls::problems(config)) {
        std::fprintf(stderr, "%s: %s\n", config.file.c_str(), text.c_str());
        ++problems;
    }
    return problems;
}

/// Offline it is only said, as below.
int check_secrets(const config::Config& config, bool offline) {
    int problems = 0;
    const auto say = [&](const config::Service& service, const char* of,
                         const std::string& problem) {
        if (problem.empty()) return;
        std::fprintf(stderr, "%s: services.%s.%s: %s%s\n", config.file.c_str(),
                     service.name.c_str(), of, offline ? "note: " : "", problem.c_str());
        if (!offline) ++problems;
    };
    for (const config::Service& service : config.services) {
        if (service.preview) say(service, "preview", service.preview->secret_problem);
        if (service.canary) say(service, "canary", service.canary->secret_problem);
    }
    return problems;
}

/// What does not depend on the network: whether token and CA certificates can be read. Offline it
/// is only said: the machine may not have them, and the daemon starts without them as well.
int check_files(const config::Config& config, bool offline) {
    int problems = 0;
    for (const std::string& problem : ReservedIpPort::file_problems(*config.reserved_ip)) {
        std::fprintf(stderr, "%s: reserved_ip: %s%s\n", config.file.c_str(),
                     offline ? "note: " : "", problem.c_str());
        if (!offline) ++problems;
    }
    return problems;
}

cloud::TokenReport ask_api(const config::Config& config) {
    asio::io_context context(1);
    const auto api = std::make_shared<cloud::DigitalOcean>(context, *config.reserved_ip);
    cloud::TokenReport report;
    asio::co_spawn(context, cloud::check_token(api, ReservedIpPort::droplets(config), std::nullopt),
                   [&report](const std::exception_ptr& error, cloud::TokenReport result) {
                       if (error) std::rethrow_exception(error);
                       report = std::move(result);
                   });
    context.run();
    return report;
}

/// An API that does not answer makes nothing invalid: it is said, and that is all.
int check_token(const config::Config& config) {
    const cloud::TokenReport report = ask_api(config);
    const char* file = config.file.c_str();
    for (const std::string& scope : report.missing) {
        std::fprintf(stderr, "%s: reserved_ip: the token lacks the scope %s\n", file,
                     scope.c_str());
    }
    for (const std::string& problem : report.problems)
        std::fprintf(stderr, "%s: reserved_ip: %s\n", file, problem.c_str());
    for (const std::string& untested : report.untested) {
        std::fprintf(stderr, "%s: reserved_ip: note: not tested: %s\n", file, untested.c_str());
    }
    return static_cast<int>(report.missing.size() + report.problems.size());
}

}  // namespace

int check(const config::Config& config, bool offline) {
    int problems = check_certificates(config) + check_secrets(config, offline);
    if (config.reserved_ip) {
        const int unreadable = check_files(config, offline);
        problems += unreadable;
        if (!offline && unreadable == 0) problems += check_token(config);
    }
    if (problems != 0) return 1;
    std::printf("%s is valid: %zu listener%s, %zu service%s\n", config.file.c_str(),
                config.listeners.size(), config.listeners.size() == 1 ? "" : "s",
                config.services.size(), config.services.size() == 1 ? "" : "s");
    return 0;
}

}  // namespace switchyard::server
