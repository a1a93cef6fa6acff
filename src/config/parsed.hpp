#pragma once

#include "base/error.hpp"

#include <string>
#include <utility>

namespace switchyard::config {

/// Why a value was refused. Its message completes a sentence that starts with the key.
/// (Not made from a text directly, so that Parsed<std::string> can tell value and error apart.)
struct Refusal : Error {
    Refusal() = default;
    explicit Refusal(Error error) : Error(std::move(error)) {}
};

[[nodiscard]] inline Refusal refusal(std::string message) {
    return Refusal(Error(std::move(message)));
}

template <class T>
using Parsed = boost::system::result<T, Refusal>;

}  // namespace switchyard::config
