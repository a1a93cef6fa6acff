#include "state/sqlite.hpp"

#include "state/file.hpp"

#include <cerrno>
#include <exception>

namespace switchyard::state {

namespace {

constexpr int kBusyTimeoutMs = 2000;

/// Whether it failed because nothing more fits on the disk, or may. SQLite says so plainly only
/// where it writes to a file; where it prepares the index of the log that is an I/O error to it.
bool disk_is_full(const std::string& file, int code, int cause) {
    if (code == SQLITE_FULL) return true;
    if (code != SQLITE_IOERR && code != SQLITE_CANTOPEN) return false;
    return cause == ENOSPC || cause == EDQUOT || nothing_fits(folder_of(file));
}

std::string full_disk(const std::string& file, const std::string& reason) {
    const std::string folder = folder_of(file);
    return file + ": the disk is full (" + reason + "). Make room on the file system of " + folder +
           " (df -h " + folder + "; df -i " + folder +
           "): a few MiB are enough for it, its -wal and its -shm.";
}

std::string advice_on(const std::string& file, int code) {
    switch (code) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return "Another program holds it, perhaps an open sqlite3 shell: close that and try "
                   "again.";
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
            return "Give the user that runs switchyardd the right to write to it and to the "
                   "folder " +
                   folder_of(file) + ".";
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return "It is damaged: stop switchyardd, move the file aside and restore a backup.";
        case SQLITE_IOERR:
            return "The disk reports an error: look at the kernel's log.";
        default:
            return "";
    }
}

}  // namespace

Result<Database> Database::open(const std::string& file) {
    sqlite3* handle = nullptr;
    const int result = sqlite3_open_v2(file.c_str(), &handle,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (handle == nullptr) return Error(file + ": not enough memory to open it.");
    Database database(handle, file);
    if (result != SQLITE_OK) return database.error();
    sqlite3_busy_timeout(handle, kBusyTimeoutMs);
    return database;
}

Result<void> Database::run(const char* sql) {
    if (sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error();
    return {};
}

Result<std::string> Database::value(const char* sql) {
    Statement statement(*this, sql);
    std::string text;
    if (statement.next()) text = statement.text(0);
    if (!statement.ok()) return error();
    // A plain string would be ambiguous: an Error can be made of one, too.
    return {boost::system::in_place_value, std::move(text)};
}

Error Database::error() const {
    const std::string reason = sqlite3_errmsg(handle());
    const int code = sqlite3_errcode(handle()) & 0xff;
    if (disk_is_full(file_, code, sqlite3_system_errno(handle()))) {
        return Error(full_disk(file_, reason));
    }
    std::string message = file_ + ": " + reason + ".";
    const std::string hint = advice_on(file_, code);
    if (!hint.empty()) message += " " + hint;
    return Error(message);
}

std::int64_t Database::last_insert_id() const {
    return sqlite3_last_insert_rowid(handle());
}

std::int64_t Database::changed_rows() const {
    return sqlite3_changes64(handle());
}

bool Database::read_only() const {
    return sqlite3_db_readonly(handle(), "main") == 1;
}

Database::Prepared Database::take(std::string_view sql) noexcept {
    const auto found = kept_.find(sql);
    return found != kept_.end() ? std::move(found->second) : nullptr;
}

void Database::keep(std::string_view sql, Prepared statement) noexcept {
    try {
        if (auto found = kept_.find(sql); found != kept_.end()) {
            found->second = std::move(statement);
        } else {
            kept_.emplace(sql, std::move(statement));
        }
    } catch (const std::exception&) {
        // Without memory for it the next one is prepared anew.
    }
}

Statement::Statement(Database& database, std::string_view sql)
    : database_(database), sql_(sql), statement_(database.take(sql)) {
    if (statement_) return;
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                             SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    statement_.reset(statement);
}

Statement::~Statement() {
    if (!statement_) return;
    // What the last step failed with stays the database's error.
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
    database_.keep(sql_, std::move(statement_));
}

Statement& Statement::check(int result) {
    if (result_ == SQLITE_OK) result_ = result;
    return *this;
}

Statement& Statement::bind(std::int64_t value) {
    return ok() ? check(sqlite3_bind_int64(statement_.get(), ++bound_, value)) : *this;
}

Statement& Statement::bind(std::string_view text) {
    if (!ok()) return *this;
    // A null pointer would bind NULL, and an empty view may have one.
    const char* data = text.empty() ? "" : text.data();
    return check(sqlite3_bind_text64(statement_.get(), ++bound_, data, text.size(), SQLITE_STATIC,
                                     SQLITE_UTF8));
}

Statement& Statement::bind_null() {
    return ok() ? check(sqlite3_bind_null(statement_.get(), ++bound_)) : *this;
}

bool Statement::next() {
    if (!ok()) return false;
    const int result = sqlite3_step(statement_.get());
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) check(result);
    return false;
}

bool Statement::finish() {
    while (next()) {
    }
    return ok();
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
    const unsigned char* data = sqlite3_column_text(statement_.get(), column);
    if (data == nullptr) return {};
    return {reinterpret_cast<const char*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

}  // namespace switchyard::state
