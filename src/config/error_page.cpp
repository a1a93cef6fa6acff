#include "config/error_page.hpp"

#include "config/report.hpp"
#include "config/values.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace switchyard::config {

Parsed<std::string> read_error_page(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (error) return refusal("cannot read " + in_quotes(path) + ": " + error.message());
    if (status.type() != std::filesystem::file_type::regular) {
        return refusal(in_quotes(path) + " is not a regular file");
    }
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return refusal("cannot open " + in_quotes(path) + ": expected a file that can be read");
    std::string text(kMaxErrorPageBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) return refusal("cannot read " + in_quotes(path));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > kMaxErrorPageBytes) {
        return refusal(in_quotes(path) + " has more than " + format_size(kMaxErrorPageBytes));
    }
    return text;
}

}  // namespace switchyard::config
