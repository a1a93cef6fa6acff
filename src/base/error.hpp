#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <boost/system/result.hpp>

namespace switchyard {

/// An error of the control side: a sentence for a person that says what to do, and the cause.
/// (The data path uses http::Fault, which costs no allocation.)
struct Error {
    std::string message;

    Error() = default;
    explicit Error(std::string text) : message(std::move(text)) {}
};

template <class T>
using Result = boost::system::result<T, Error>;

[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
    throw std::runtime_error(error.message);
}

}  // namespace switchyard
