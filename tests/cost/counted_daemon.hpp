#pragma once

#include "integration/harness.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace switchyard::test {

/// The front door with one worker, whose allocations and system calls are counted.
class CountedDoor : public FrontDoor {
  protected:
    CountedDoor();
    ~CountedDoor() override;

    /// With a plain listener (h2c by prior knowledge as well) and one with TLS, an access log, and
    /// health checks that are too rare to disturb. `h2c_target`: an address that the blue slot has
    /// instead of its origin's, for HTTP/2.
    void start_counted(const std::string& h2c_target = {});
    [[nodiscard]] const TestCertificates& certificates() const { return certificates_; }

    /// Allocations of the whole daemon so far.
    [[nodiscard]] std::uint64_t allocations() const;

    /// System calls of the whole daemon while `work` runs, by name; "total" is their sum. Empty
    /// when this system lets nobody trace a process (`why` says so).
    [[nodiscard]] std::map<std::string, std::uint64_t> system_calls(
        const std::function<void()>& work, std::string& why);

  private:
    TempDir dir_;
    TestCertificates certificates_;
    std::atomic<std::uint64_t>* allocations_ = nullptr;
};

}  // namespace switchyard::test
