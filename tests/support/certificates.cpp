#include "support/certificates.hpp"

#include "support/process.hpp"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace switchyard::test {

namespace {

namespace fs = std::filesystem;

/// They are good for 90 days; a build folder may be older.
constexpr std::chrono::hours kGoodFor{24 * 30};

void make(const std::string& dir, const std::vector<std::string>& names, bool force) {
    std::vector<std::string> command{SWITCHYARD_SOURCE_DIR "/certs/make-dev-certs", "--dir", dir};
    if (force) command.emplace_back("--force");
    command.insert(command.end(), names.begin(), names.end());
    const auto run = run_program(command);
    if (run.exit.code != 0) throw std::runtime_error("make-dev-certs: " + run.err);
}

bool is_fresh(const fs::path& dir) {
    std::error_code error;
    const auto made = fs::last_write_time(dir, error);
    return !error && fs::file_time_type::clock::now() - made < kGoodFor;
}

/// The folder with those that are made once. Other processes want the same at the same time: who is
/// ready first moves theirs there, the others take it.
fs::path made_once(const std::vector<std::string>& names) {
    std::string name = "localhost";
    for (const auto& more : names)
        name += "+" + more;
    const fs::path all = SWITCHYARD_CERTIFICATES_DIR;
    const fs::path dir = all / name;
    if (is_fresh(dir)) return dir;
    const std::string own = dir.string() + "." + std::to_string(getpid());
    fs::create_directories(all);
    make(own + ".new", names, false);
    // Gives way to the new one in any case; of several that do so at once, one removes it.
    std::error_code error;
    if (fs::exists(dir) && !is_fresh(dir)) fs::rename(dir, own + ".old", error);
    fs::rename(own + ".new", dir, error);
    fs::remove_all(own + ".new");
    fs::remove_all(own + ".old");
    if (!is_fresh(dir)) throw std::runtime_error("no certificates in " + dir.string());
    return dir;
}

}  // namespace

TestCertificates::TestCertificates(const std::vector<std::string>& names) : names_(names) {
    for (const auto& file : fs::directory_iterator(made_once(names)))
        fs::copy_file(file.path(), dir_.path() / file.path().filename());
}

void TestCertificates::renew() const {
    make(dir_.path().string(), names_, true);
}

std::string TestCertificates::listener(std::string_view address) const {
    const auto entry = [this](std::string_view name) {
        return "        - {certificate: \"" + certificate(name) + "\", key: \"" + key(name) +
               "\"}\n";
    };
    auto text = "  - address: \"" + std::string(address) + "\"\n    tls:\n      certificates:\n";
    text += entry("localhost");
    for (const auto& name : names_)
        text += entry(name);
    return text;
}

}  // namespace switchyard::test
