#pragma once

#include <string>

namespace switchyard::bench {

/// Writes a self-signed P-256 certificate for `name` and its key as PEM files. Throws
/// std::runtime_error.
void write_certificate(const std::string& name, const std::string& certificate_file,
                       const std::string& key_file);

}  // namespace switchyard::bench
