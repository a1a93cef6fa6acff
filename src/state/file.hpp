#pragma once

#include "base/error.hpp"

#include <string>

/// The steps below SQLite that make a new file appear complete and durable, or not at all.
namespace switchyard::state {

/// "PATH VERB: REASON. WHAT TO DO" for an errno of the file system.
Error file_error(const std::string& path, const std::string& verb, int error_number);

/// The folder that holds PATH; "." for a bare name.
std::string folder_of(const std::string& path);

bool exists(const std::string& path);

/// The file system of FOLDER has no block, or no file, left for us.
bool nothing_fits(const std::string& folder);

/// Creates an empty file of mode 0600; an existing one is an error.
Result<void> create_private(const std::string& path);

/// Renames a finished file to its final name in the same folder and makes both durable.
Result<void> move_into_place(const std::string& from, const std::string& to);

}  // namespace switchyard::state
