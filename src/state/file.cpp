#include "state/file.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace switchyard::state {

namespace {

/// Syncs a file or a folder to the disk.
Result<void> sync(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0) return file_error(path, "cannot be opened", errno);
    const int failed = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    if (failed != 0) return file_error(path, "cannot be synced to the disk", failed);
    return {};
}

std::string advice(const std::string& path, int error_number) {
    switch (error_number) {
        case ENOENT:
            return " Create the folder " + folder_of(path) + " for the user that runs switchyardd.";
        case EACCES:
        case EPERM:
            return " Give the user that runs switchyardd the right to write to it and to the "
                   "folder " +
                   folder_of(path) + ".";
        case EROFS:
            return " Its file system is mounted read-only.";
        case ENOSPC:
        case EDQUOT:
            return " The disk is full: make room on the file system of " + folder_of(path) +
                   " (df -h " + folder_of(path) + ").";
        case EISDIR:
            return " It is a folder: name a file ('state' in the configuration).";
        default:
            return "";
    }
}

}  // namespace

Error file_error(const std::string& path, const std::string& verb, int error_number) {
    return Error(path + " " + verb + ": " + std::generic_category().message(error_number) + "." +
                 advice(path, error_number));
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool nothing_fits(const std::string& folder) {
    struct statvfs info {};
    if (::statvfs(folder.c_str(), &info) != 0) return false;
    // Some file systems have no fixed number of files, and say 0 of 0.
    return info.f_bavail == 0 || (info.f_files != 0 && info.f_favail == 0);
}

bool exists(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0;
}

Result<void> create_private(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return file_error(path, "cannot be created", errno);
    ::close(fd);
    return {};
}

Result<void> move_into_place(const std::string& from, const std::string& to) {
    if (auto synced = sync(from, 0); !synced) return synced;
    if (std::rename(from.c_str(), to.c_str()) != 0) {
        return file_error(to, "cannot be created", errno);
    }
    return sync(folder_of(to), O_DIRECTORY);
}

}  // namespace switchyard::state
