#pragma once

#include "base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

/// A thin layer over SQLite's C interface: ownership, and errors as sentences. One thread.
namespace switchyard::state {

class Database {
  public:
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

  private:
    struct Close {
        void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
    };

    Database(sqlite3* handle, std::string file) : handle_(handle), file_(std::move(file)) {}

    std::unique_ptr<sqlite3, Close> handle_;
    std::string file_;
};

/// One prepared statement. The first failure sticks: bind and step freely, then ask ok().
class Statement {
  public:
    Statement(Database& database, std::string_view sql);

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
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };

    Statement& check(int result);

    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    int result_ = SQLITE_OK;
    int bound_ = 0;
};

}  // namespace switchyard::state
