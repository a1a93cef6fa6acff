#include "state/sqlite.hpp"

#include "state/file.hpp"

namespace switchyard::state {

namespace {

constexpr int kBusyTimeoutMs = 2000;

std::string advice(const std::string& file, int code) {
    switch (code) {
        case SQLITE_FULL:
            return "Make room on the disk and try again.";
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
    std::string message = file_ + ": " + sqlite3_errmsg(handle()) + ".";
    const std::string hint = advice(file_, sqlite3_errcode(handle()));
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

Statement::Statement(Database& database, std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()),
                             &statement, nullptr));
    statement_.reset(statement);
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
