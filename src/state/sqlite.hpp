#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

/// A thin layer over SQLite's C interface: ownership, and errors as sentences. One thread.
namespace switchyard::state {

class Database {
  public:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };
    using Prepared = std::unique_ptr<sqlite3_stmt, Finalize>;

    /// Opens an existing file for reading and writing; waits up to two seconds for locks of others.
    static Result<Database> open(const std::string& file);

    /// Runs statements that return nothing of interest.
    Result<void> run(const char* sql);

    /// The first column of the first row as text; empty if there is none.
    Result<std::string> value(const char* sql);

    /// The last failure as a sentence that begins with the file's name and says how to go on.
    [[nodiscard]] Error error() const;

    [[nodiscard]] std::int64_t last_insert_id() const;
    [[nodiscard]] std::int64_t changed_rows() const;
    [[nodiscard]] bool read_only() const;
    [[nodiscard]] const std::string& file() const noexcept { return file_; }
    [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }

    /// A statement that keep() was given for this text; null: none. The schema may have changed
    /// since: SQLite then prepares it anew by itself.
    Prepared take(std::string_view sql) noexcept;
    /// Keeps a statement for the next user of this text, to the end of the database: for the few
    /// texts of the program, not for ones that are made up as it runs.
    void keep(std::string_view sql, Prepared statement) noexcept;

  private:
    struct Close {
        void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
    };

    Database(sqlite3* handle, std::string file) : handle_(handle), file_(std::move(file)) {}

    std::unique_ptr<sqlite3, Close> handle_;
    std::string file_;
    std::map<std::string, Prepared, std::less<>> kept_;  ///< Ends before the handle.
};

/// One prepared statement, kept by the database for the next one of the same text: to prepare it
/// costs more than to run it. The first failure sticks: bind and step freely, then ask ok(). The
/// database must stay where it is meanwhile.
class Statement {
  public:
    Statement(Database& database, std::string_view sql);
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    /// Binds the next parameter. The text must live until the statement ends.
    Statement& bind(std::int64_t value);
    Statement& bind(std::string_view text);
    Statement& bind_null();

    /// Steps; true while there is a row.
    bool next();

    /// Steps to the end; true if nothing failed.
    bool finish();

    [[nodiscard]] bool ok() const noexcept { return result_ == SQLITE_OK; }

    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] bool is_null(int column) const;

  private:
    Statement& check(int result);

    Database& database_;
    std::string sql_;
    Database::Prepared statement_;
    int result_ = SQLITE_OK;
    int bound_ = 0;
};

}  // namespace switchyard::state
