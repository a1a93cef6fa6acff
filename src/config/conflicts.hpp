#pragma once

#include "config/document.hpp"

#include <map>
#include <string>

namespace switchyard::config {

/// What several places of a file may claim, each thing for one of them alone: a listener's address,
/// a host with a path, a target.
class Claims {
  public:
    struct Claim {
        std::string owner;
        Mark mark;
    };

    /// Claims `thing` for `owner`; the earlier claim if there is one, which then stays.
    const Claim* claim(const std::string& thing, std::string owner, Mark mark);

    /// Who claimed it; null: nobody.
    [[nodiscard]] const Claim* find(const std::string& thing) const;

  private:
    std::map<std::string, Claim> claims_;
};

/// "first given in line 3", for messages about the second one.
[[nodiscard]] std::string first_given(Mark mark);

}  // namespace switchyard::config
