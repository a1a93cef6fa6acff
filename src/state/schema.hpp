#pragma once

#include "state/sqlite.hpp"

#include <string>

/// Whether a file is ours, whole and of a version that we know; and how a new one is made.
namespace switchyard::state {

/// "SWYD", in the header of every state file of Switchyard.
inline constexpr std::int64_t kApplicationId = 0x53575944;

/// Grows with every change of the tables; older files are brought forward, newer ones refused.
inline constexpr std::int64_t kSchemaVersion = 4;

/// Makes an empty state file. It gets its name only when it is complete and on the disk, so a
/// crash at any instant leaves no half-made file behind.
Result<void> create_state_file(const std::string& file);

/// Opens an existing state file: checks that it is ours (without changing it if it is not), of a
/// known version, and undamaged; then switches it to WAL and synchronous=FULL, and brings an older
/// schema forward in one transaction.
Result<Database> open_state_file(const std::string& file);

}  // namespace switchyard::state
