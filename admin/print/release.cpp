#include "admin/print/release.hpp"

#include "admin/fields.hpp"
#include "admin/print/text.hpp"

namespace switchyard::admin {

std::string version_name(const json::value& from, std::string_view key) {
    const std::string version = printable(text(from, key));
    return version.empty() ? "unversioned" : version;
}

std::string release_name(const json::value& release) {
    if (!release.is_object()) return {};
    std::string out = version_name(release, "version");
    if (find(release, "complete") != nullptr && !flag(release, "complete")) out += " (unfinished)";
    return out;
}

}  // namespace switchyard::admin
