#pragma once

#include "support/deadline.hpp"
#include "support/process.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

namespace switchyard::test {

/// The fake of DigitalOcean's API (tests/support/fake_digitalocean), as a process with one reserved
/// IP and the droplets blue and green (ids past 2^32) in the same region. Time passes in it by
/// being asked, so that nothing has to be waited for.
class FakeDigitalOcean {
  public:
    static constexpr std::string_view kIp = "203.0.113.10";
    static constexpr std::string_view kToken = "dop_v1_3f8a61c2e90b7d45";
    static constexpr std::uint64_t kBlue = 5'000'000'001;
    static constexpr std::uint64_t kGreen = 5'000'000'002;
    static constexpr std::uint64_t kOther = 77;

    /// With a certificate it speaks TLS.
    explicit FakeDigitalOcean(const std::string& certificate = {}, const std::string& key = {});

    /// "http://127.0.0.1:PORT", or https.
    [[nodiscard]] std::string url() const;
    [[nodiscard]] const std::string& address() const noexcept { return api_; }

    /// A new beginning: the IP at `droplet` (0: nobody), no faults, no requests. `more`: further
    /// keys of the state, as JSON ("\"looks\": 5").
    void reset(std::uint64_t droplet, std::string_view more = {}) const;
    /// Changes scopes, looks or metadata.
    void change(std::string_view json) const;
    /// Scripts faults; README.md of the fake lists them.
    void fault(std::string_view json) const;
    void clear_faults() const;
    /// Somebody else moves the IP.
    void reassign(std::uint64_t droplet) const;
    /// Ends an action that never ends.
    void release() const;

    /// The holder; 0: nobody.
    [[nodiscard]] std::uint64_t holder() const;
    [[nodiscard]] bool locked() const;
    /// How many requests of this kind came ("assign", "get_ip", ...; empty: any).
    [[nodiscard]] std::size_t count(std::string_view what = {}) const;
    /// Every request so far.
    [[nodiscard]] boost::json::value requests() const;

  private:
    boost::json::value control(std::string_view method, std::string_view target,
                               std::string_view body = {}) const;

    bool tls_ = false;
    std::unique_ptr<Process> process_;
    std::string api_;
    std::string control_;
};

}  // namespace switchyard::test
