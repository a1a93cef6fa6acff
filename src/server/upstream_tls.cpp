#include "server/upstream_tls.hpp"

#include "base/log.hpp"

#include <utility>

#include <spdlog/spdlog.h>

namespace switchyard::server {

namespace {

/// Calls back with each slot that speaks TLS.
template <class Take>
void each_slot(const config::Config& config, Take take) {
    for (const config::Service& service : config.services) {
        for (const Colour colour : kColours) {
            const auto& slot = service.slots[index_of(colour)];
            if (slot && slot->tls) take(service.name, colour, *slot->tls);
        }
    }
}

std::string problem(const std::string& service, Colour colour, const Error& error) {
    return "service " + service + ", slot " + std::string(to_string(colour)) +
           ": TLS to the targets: " + error.message;
}

}  // namespace

Result<void> UpstreamTls::prepare(const config::Config& config) {
    auto made = std::make_unique<Contexts>();
    std::string failure;
    each_slot(config,
              [&](const std::string& service, Colour colour, const config::TargetTls& settings) {
                  if (!failure.empty()) return;
                  auto context = net::TlsClientContext::create(settings);
                  if (!context) {
                      failure = problem(service, colour, context.error());
                      return;
                  }
                  const auto former = in_force_.find({service, colour});
                  const bool same = former != in_force_.end() && former->second->same_as(**context);
                  made->emplace(std::pair(service, colour), same ? former->second : *context);
                  if (!settings.verify && !same) {
                      spdlog::warn("target_tls_unverified service={} slot={}", log_value(service),
                                   to_string(colour));
                  }
              });
    if (!failure.empty()) return Error(failure);
    prepared_ = std::move(made);
    return {};
}

void UpstreamTls::apply() {
    if (!prepared_) return;
    in_force_ = std::move(*prepared_);
    prepared_.reset();
}

void UpstreamTls::equip(route::Target& target) const {
    if (!target.config().tls()) return;
    const Contexts& contexts = prepared_ ? *prepared_ : in_force_;
    const auto found = contexts.find({target.service(), target.colour()});
    if (found != contexts.end()) target.set_tls(found->second);
}

std::vector<std::string> UpstreamTls::problems(const config::Config& config) {
    std::vector<std::string> found;
    each_slot(config,
              [&](const std::string& service, Colour colour, const config::TargetTls& settings) {
                  if (auto context = net::TlsClientContext::create(settings); !context) {
                      found.push_back(problem(service, colour, context.error()));
                  }
              });
    return found;
}

}  // namespace switchyard::server
