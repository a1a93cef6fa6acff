#include "admin/command_line.hpp"

#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return switchyard::admin::run(arguments, std::cout, std::cerr,
                                  switchyard::admin::standard_output());
}
