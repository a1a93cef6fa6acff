#pragma once

#include "admin/print/text.hpp"

#include <ostream>
#include <string>
#include <vector>

namespace switchyard::admin {

/// Runs one command: arguments without the program's name, SWITCHYARD_SOCKET from the environment.
/// Returns the exit code (exit_code.hpp).
int run(std::vector<std::string> arguments, std::ostream& out, std::ostream& err,
        const Screen& screen);

}  // namespace switchyard::admin
