#pragma once

#include <cerrno>
#include <map>

#include <sqlite3.h>

/// SQLite's files on a disk that is full from some moment on: what would make a file grow fails as
/// it does on a real one. The default of the process for as long as it lives.
namespace switchyard::state {

class FullDisk {
  public:
    FullDisk() : base_(sqlite3_vfs_find(nullptr)), own_(*base_) {
        own_.zName = "full-disk";
        own_.xOpen = &FullDisk::open;
        own_.pAppData = base_->pAppData;
        current() = this;
        sqlite3_vfs_register(&own_, 1);
    }
    ~FullDisk() {
        sqlite3_vfs_register(base_, 1);
        sqlite3_vfs_unregister(&own_);
        current() = nullptr;
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

    bool full = false;
    int refused = 0;  ///< Calls that failed because of it.

  private:
    /// The methods of one of SQLite's kinds of file, with ours in front.
    struct Methods {
        sqlite3_io_methods ours{};
        const sqlite3_io_methods* theirs = nullptr;
    };

    static FullDisk*& current() {
        static FullDisk* disk = nullptr;
        return disk;
    }
    static const Methods& of(const sqlite3_file* file) {
        return *reinterpret_cast<const Methods*>(file->pMethods);
    }
    static bool refuse() {
        if (current() == nullptr || !current()->full) return false;
        ++current()->refused;
        errno = ENOSPC;
        return true;
    }
    static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
        FullDisk& disk = *current();
        const int result = disk.base_->xOpen(disk.base_, name, file, flags, out_flags);
        if (result != SQLITE_OK || file->pMethods == nullptr) return result;
        Methods& methods = kinds()[file->pMethods];
        if (methods.theirs == nullptr) {
            methods.theirs = file->pMethods;
            methods.ours = *file->pMethods;
            methods.ours.xWrite = &FullDisk::write;
            methods.ours.xShmMap = &FullDisk::map;
        }
        file->pMethods = &methods.ours;
        return result;
    }
    static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
        if (refuse()) return SQLITE_FULL;
        return of(file).theirs->xWrite(file, data, size, offset);
    }
    static int map(sqlite3_file* file, int region, int size, int extend, void volatile** memory) {
        if (refuse()) return SQLITE_IOERR_SHMSIZE;
        return of(file).theirs->xShmMap(file, region, size, extend, memory);
    }
    /// They outlive the disk: files may be closed later.
    static std::map<const sqlite3_io_methods*, Methods>& kinds() {
        static std::map<const sqlite3_io_methods*, Methods> known;
        return known;
    }

    sqlite3_vfs* base_;
    sqlite3_vfs own_;
};

}  // namespace switchyard::state
