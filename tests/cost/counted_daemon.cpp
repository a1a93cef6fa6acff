#include "cost/counted_daemon.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

namespace switchyard::test {

CountedDoor::CountedDoor() {
    const std::string path = dir_.write("allocations", std::string(sizeof *allocations_, '\0'));
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    void* place = ::mmap(nullptr, sizeof *allocations_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (place == MAP_FAILED) throw std::runtime_error("no memory to share with the daemon");
    allocations_ = static_cast<std::atomic<std::uint64_t>*>(place);
}

CountedDoor::~CountedDoor() {
    ::munmap(allocations_, sizeof *allocations_);
}

void CountedDoor::start_counted(const std::string& h2c_target) {
    std::string yaml = config({}, "workers: 1\naccess_log: {path: \"${DIR}/access.log\"}\n");
    if (!h2c_target.empty()) {
        const auto blue = origin(Colour::blue).address();
        yaml.replace(yaml.find(blue), blue.size() + 2, h2c_target + "\"]\n        protocol: h2c");
    }
    constexpr std::string_view kOften = "interval: 50ms";
    yaml.replace(yaml.find(kOften), kOften.size(), "interval: 60s");
    constexpr std::string_view kPlain = "  - address: \"127.0.0.1:0\"\n";
    yaml.insert(yaml.find(kPlain) + kPlain.size(), "    h2c: true\n");
    yaml.insert(yaml.find("services:"), certificates_.listener("127.0.0.2:0"));
    // The daemon inherits it; the test is not counted.
    ::setenv("LD_PRELOAD", SWITCHYARD_ALLOCATION_COUNTER, 1);
    ::setenv("SWITCHYARD_ALLOCATIONS", dir_.file("allocations").c_str(), 1);
    start(yaml);
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("SWITCHYARD_ALLOCATIONS");
}

std::uint64_t CountedDoor::allocations() const {
    return allocations_->load();
}

std::map<std::string, std::uint64_t> CountedDoor::system_calls(const std::function<void()>& work,
                                                               std::string& why) {
    std::map<std::string, std::uint64_t> calls;
    const std::string table = dir_.file("calls");
    ProcessOptions options;
    options.arguments = {
        "/usr/bin/strace", "-f", "-c", "-o", table, "-p", std::to_string(daemon().pid())};
    options.output_file = dir_.file("strace.log");
    Process strace(options);
    const bool attached = eventually([&] {
        why = read_file(options.output_file);
        return why.find("attached") != std::string::npos || !strace.running();
    });
    if (!attached || !strace.running()) return calls;
    work();
    strace.signal(SIGINT);
    if (!strace.wait()) throw std::runtime_error("strace does not end");
    // "% time, seconds, usecs/call, calls[, errors], syscall"
    std::istringstream lines(read_file(table));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string share;
        std::string seconds;
        std::string each;
        std::uint64_t count = 0;
        if (!(fields >> share >> seconds >> each >> count)) continue;
        std::string name;
        while (fields >> name) {
        }
        calls[name] = count;
    }
    return calls;
}

}  // namespace switchyard::test
