#pragma once

#include <string>

#include <boost/json/value.hpp>

/// What a deploy left in a slot, as text.
namespace switchyard::admin {

/// A version as it was given, or "unversioned".
std::string version_name(const boost::json::value& from, std::string_view key);

/// "v42", "unversioned", "v42 (unfinished)"; empty for null: nothing was deployed there.
std::string release_name(const boost::json::value& release);

}  // namespace switchyard::admin
