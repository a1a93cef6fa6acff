#pragma once

#include "support/temp_dir.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace switchyard::test {

/// A CA and certificates as certs/make-dev-certs makes them, in a folder of their own. Making them
/// takes a dozen processes, so it is done once a build for each list of names, and copied: two with
/// the same names have the same keys. renew() makes others.
class TestCertificates {
  public:
    /// For localhost, 127.0.0.1, ::1, *.localhost; and one for each further name.
    explicit TestCertificates(const std::vector<std::string>& names = {});

    [[nodiscard]] std::string ca() const { return dir_.file("ca.pem"); }
    [[nodiscard]] std::string certificate(std::string_view name = "localhost") const {
        return dir_.file(std::string(name) + ".pem");
    }
    [[nodiscard]] std::string key(std::string_view name = "localhost") const {
        return dir_.file(std::string(name) + ".key");
    }
    /// New certificates (and a new CA) under the same names, for tests of a reload.
    void renew() const;
    /// A listener's line for the configuration, with every certificate, localhost first.
    [[nodiscard]] std::string listener(std::string_view address = "127.0.0.1:0") const;

  private:
    std::vector<std::string> names_;
    TempDir dir_;
};

}  // namespace switchyard::test
