#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace switchyard::test {

/// A folder of its own under the system's temporary folder; goes with all that is in it.
class TempDir {
  public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// The path of a file in it, whether it exists or not.
    [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }

    /// Writes a file; returns its path.
    std::string write(std::string_view name, std::string_view text) const;

  private:
    std::filesystem::path path_;
};

/// The whole of a file; empty if there is none.
std::string read_file(const std::string& path);

}  // namespace switchyard::test
