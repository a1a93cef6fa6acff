#pragma once

#include <cstdint>

namespace switchyard::test {

/// A port of 127.0.0.1 that nobody listens on, for programs that can't choose one themselves.
/// Outside of those that the system gives to clients and to who asks for any, so that it stays
/// free while such a program is started anew. Throws std::runtime_error if there is none.
std::uint16_t free_port();

}  // namespace switchyard::test
