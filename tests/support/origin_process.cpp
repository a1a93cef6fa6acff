#include "support/origin_process.hpp"

#include <csignal>

#include <boost/json.hpp>

namespace switchyard::test {

OriginProcess::OriginProcess(Colour colour, Options options)
    : colour_(colour), options_(std::move(options)) {
    start();
}

void OriginProcess::start() {
    ProcessOptions how;
    how.arguments = {SWITCHYARD_ORIGIN_PATH,
                     "--quiet",
                     "--listen",
                     options_.listen,
                     "--colour",
                     std::string(to_string(colour_)),
                     "--name",
                     options_.name,
                     "--threads",
                     std::to_string(options_.threads)};
    how.pipe_output = true;
    process_ = std::make_unique<Process>(how);
    constexpr std::string_view kReady = "listening on ";
    const auto line = process_->read_line();
    if (!line || !line->starts_with(kReady)) {
        throw std::runtime_error("the origin did not start on " + options_.listen);
    }
    address_ = line->substr(kReady.size());
}

Response OriginProcess::control(std::string_view method, std::string_view target,
                                std::string_view body) const {
    Client client(address_);
    auto response = exchange(client, method, target, {}, body);
    if (response.status != 200) throw ProtocolError("origin: status " + response.body);
    return response;
}

boost::json::value OriginProcess::books() const {
    return boost::json::parse(control("GET", "/count").body);
}

boost::json::value OriginProcess::books(std::string_view path) const {
    const auto all = books();
    if (const auto* found = all.at("paths").as_object().if_contains(path)) return *found;
    return {{"started", 0u}, {"received", 0u}, {"answered", 0u},
            {"spoilt", 0u},  {"aborted", 0u},  {"in_flight", 0u}};
}

void OriginProcess::reset_books() const {
    control("POST", "/control/reset");
}

void OriginProcess::set_health(unsigned status, std::string_view body) const {
    control("POST", "/control/health?status=" + std::to_string(status), body);
}

void OriginProcess::kill() {
    process_->kill();
}

void OriginProcess::restart() {
    kill();
    options_.listen = address_;
    start();
}

void OriginProcess::freeze() const {
    process_->signal(SIGSTOP);
}
void OriginProcess::go_on() const {
    process_->signal(SIGCONT);
}

}  // namespace switchyard::test
