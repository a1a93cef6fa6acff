#include "support/fake_digitalocean.hpp"

#include "support/client.hpp"
#include "support/response.hpp"

#include <stdexcept>

#include <boost/json.hpp>

namespace switchyard::test {
namespace {

std::string line_after(Process& process, std::string_view word) {
    const auto line = process.read_line();
    if (!line || !line->starts_with(word)) {
        throw std::runtime_error("fake_digitalocean/serve did not start");
    }
    return line->substr(word.size());
}

std::string id_or_null(std::uint64_t droplet) {
    return droplet == 0 ? "null" : std::to_string(droplet);
}

}  // namespace

FakeDigitalOcean::FakeDigitalOcean(const std::string& certificate, const std::string& key)
    : tls_(!certificate.empty()) {
    ProcessOptions how;
    how.arguments = {SWITCHYARD_SOURCE_DIR "/tests/support/fake_digitalocean/serve", "--token",
                     std::string(kToken)};
    if (tls_) {
        how.arguments.insert(how.arguments.end(), {"--certificate", certificate, "--key", key});
    }
    how.pipe_output = true;
    process_ = std::make_unique<Process>(how);
    api_ = line_after(*process_, "api ");
    control_ = line_after(*process_, "control ");
    reset(kBlue);
}

std::string FakeDigitalOcean::url() const {
    return (tls_ ? "https://localhost" : "http://127.0.0.1") + api_.substr(api_.rfind(':'));
}

boost::json::value FakeDigitalOcean::control(std::string_view method, std::string_view target,
                                             std::string_view body) const {
    Client client(control_);
    const auto response = exchange(client, method, target, {}, body);
    if (response.status != 200) throw ProtocolError("fake_digitalocean: " + response.body);
    return boost::json::parse(response.body);
}

void FakeDigitalOcean::reset(std::uint64_t droplet, std::string_view more) const {
    std::string state = R"({"ips":{")" + std::string(kIp) + R"(":{"droplet":)" +
                        id_or_null(droplet) + R"(}},"droplets":{")" + std::to_string(kBlue) +
                        R"(":{},")" + std::to_string(kGreen) + R"(":{},")" +
                        std::to_string(kOther) + R"(":{}})";
    if (!more.empty()) state.append(",").append(more);
    control("PUT", "/state", state + "}");
}

void FakeDigitalOcean::change(std::string_view json) const {
    control("PATCH", "/state", json);
}

void FakeDigitalOcean::fault(std::string_view json) const {
    control("POST", "/faults", "[" + std::string(json) + "]");
}

void FakeDigitalOcean::clear_faults() const {
    control("DELETE", "/faults");
}

void FakeDigitalOcean::reassign(std::uint64_t droplet) const {
    control("POST", "/reassign",
            R"({"ip":")" + std::string(kIp) + R"(","droplet":)" + id_or_null(droplet) + "}");
}

void FakeDigitalOcean::release() const {
    control("POST", "/release", R"({"ip":")" + std::string(kIp) + R"("})");
}

std::uint64_t FakeDigitalOcean::holder() const {
    const auto state = control("GET", "/state");
    const auto& droplet = state.at("ips").at(kIp).at("droplet");
    return droplet.is_null() ? 0 : droplet.to_number<std::uint64_t>();
}

bool FakeDigitalOcean::locked() const {
    return control("GET", "/state").at("ips").at(kIp).at("locked").as_bool();
}

boost::json::value FakeDigitalOcean::requests() const {
    return control("GET", "/state").at("requests");
}

std::size_t FakeDigitalOcean::count(std::string_view what) const {
    std::size_t found = 0;
    const auto all = requests();
    for (const auto& request : all.as_array()) {
        if (what.empty() || request.at("what").as_string() == what) ++found;
    }
    return found;
}

}  // namespace switchyard::test
