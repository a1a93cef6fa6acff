#include "config/load.hpp"

#include "config/read.hpp"

#include <cerrno>
#include <exception>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace switchyard::config {
namespace {

std::string absolute_folder(const std::string& folder) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(folder.empty() ? "." : folder, error);
    return error ? folder : absolute.lexically_normal().string();
}

LoadResult refuse(const std::string& file, std::string message) {
    LoadResult result;
    result.problems.push_back({file, 0, 0, std::move(message)});
    return result;
}

}  // namespace

LoadResult load_text(std::string_view text, const std::string& name, const std::string& folder) {
    try {
        Report report(name);
        const Document document = parse_document(text, report);
        LoadResult result;
        result.config = read_config(document, name, absolute_folder(folder), report, nullptr);
        result.problems = report.take();
        if (!result.ok()) result.config = Config();
        return result;
    } catch (const std::exception& error) {  // memory
        return refuse(name, std::string("cannot be read: ") + error.what());
    }
}

LoadResult load_file(const std::string& path) {
    try {
        std::error_code error;
        const auto status = std::filesystem::status(path, error);
        if (error) return refuse(path, "cannot be read: " + error.message());
        if (status.type() == std::filesystem::file_type::directory) {
            return refuse(path, "is a folder; expected a file");
        }
        errno = 0;
        std::ifstream file(path, std::ios::binary);
        if (!file) {
            return refuse(path, "cannot be read: " +
                                    std::error_code(errno, std::generic_category()).message());
        }
        std::string text(kMaxFileBytes + 1, '\0');
        file.read(text.data(), static_cast<std::streamsize>(text.size()));
        if (file.bad()) return refuse(path, "cannot be read to its end");
        text.resize(static_cast<std::size_t>(file.gcount()));
        return load_text(text, path, std::filesystem::path(path).parent_path().string());
    } catch (const std::exception& failure) {
        return refuse(path, std::string("cannot be read: ") + failure.what());
    }
}

}  // namespace switchyard::config
