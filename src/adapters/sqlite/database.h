// A small RAII door to SQLite: connections, prepared statements, rows and transactions. Everything here throws
// SqliteError; the stores catch it at their border (`guarded`), so it never leaves this folder.
//
// Threads: a Database and what was made from it is used by one thread at a time.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/crypto.h"
#include "base/result.h"
#include "core/ids.h"
#include "core/money.h"
#include "storage/guard.h"

namespace hongbao::sqlite {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  // A unique key or another constraint was violated.
  [[nodiscard]] bool is_constraint() const { return (code_ & 0xff) == SQLITE_CONSTRAINT; }

 private:
  int code_;
};

// The rows of one running query; resets its statement when it goes.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) : statement_(statement) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows() { sqlite3_reset(statement_); }

  // Moves to the next row; false after the last.
  bool next();
  // REQUIRES: `next` returned true. Texts and blobs are valid until the next call of `next`.
  [[nodiscard]] int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] uint64_t count(int column) const { return static_cast<uint64_t>(integer(column)); }
  [[nodiscard]] Money money(int column) const { return Money(integer(column)); }
  [[nodiscard]] bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] Bytes blob(int column) const;
  [[nodiscard]] ShardId shard(int column) const;

 private:
  sqlite3_stmt* statement_;
};

// Prepared once, run many times with new values. Values are bound by position, all of them each time.
class Statement {
 public:
  Statement(sqlite3* connection, std::string_view sql);

  // Runs to the end; returns how many rows an INSERT, UPDATE or DELETE changed.
  template <class... Values>
  int64_t run(const Values&... values) {
    bind_all(SQLITE_STATIC, values...);
    return run_bound();
  }
  // The rows are read while this statement is left alone.
  template <class... Values>
  [[nodiscard]] Rows query(const Values&... values) {
    bind_all(SQLITE_TRANSIENT, values...);
    return Rows(statement_.get());
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  template <class... Values>
  void bind_all([[maybe_unused]] sqlite3_destructor_type texts, const Values&... values) {
    CHECK(static_cast<int>(sizeof...(values)) == sqlite3_bind_parameter_count(statement_.get()));
    int index = 0;
    (bind(++index, values, texts), ...);
  }
  void bind(int index, int64_t value, sqlite3_destructor_type);
  void bind(int index, std::string_view text, sqlite3_destructor_type texts);
  void bind(int index, Bytes blob, sqlite3_destructor_type texts);
  void bind(int index, std::nullptr_t, sqlite3_destructor_type);
  template <class Number>
    requires(std::integral<Number> && !std::same_as<Number, int64_t>)
  void bind(int index, Number value, sqlite3_destructor_type texts) {
    CHECK(std::in_range<int64_t>(value));
    bind(index, static_cast<int64_t>(value), texts);
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void bind(int index, Enum value, sqlite3_destructor_type texts) {
    bind(index, std::to_underlying(value), texts);
  }
  void bind(int index, const char* text, sqlite3_destructor_type texts) { bind(index, std::string_view(text), texts); }
  void bind(int index, const std::string& text, sqlite3_destructor_type texts) {
    bind(index, std::string_view(text), texts);
  }
  void bind(int index, Money value, sqlite3_destructor_type texts) { bind(index, value.fen(), texts); }
  void bind(int index, Timestamp value, sqlite3_destructor_type texts) { bind(index, value.unix_ms, texts); }
  void bind(int index, VoucherNo value, sqlite3_destructor_type texts) { bind(index, value.value, texts); }
  void bind(int index, LocalNo value, sqlite3_destructor_type texts) { bind(index, value.value, texts); }
  void bind(int index, Day value, sqlite3_destructor_type texts) { bind(index, value.since_epoch, texts); }
  void bind(int index, const UserId& value, sqlite3_destructor_type texts) { bind(index, value.text(), texts); }
  void bind(int index, ShardId value, sqlite3_destructor_type) { bind(index, to_text(value), SQLITE_TRANSIENT); }
  template <class Value>
  void bind(int index, const std::optional<Value>& value, sqlite3_destructor_type texts) {
    value ? bind(index, *value, texts) : bind(index, nullptr, texts);
  }
  int64_t run_bound();

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  enum class LogAtClose { kRemove, kKeep };
  // Opens or makes `file` for its one writer: WAL, synced at every commit. What an earlier process left in the log is
  // on the disk afterwards. Throws when these did not take effect. A checkpoint whose sync fails ends the process.
  // kKeep: the log's file stays, with what it holds, however the connection ends, unless `close_with` ends it well.
  static Database open_writer(const std::string& file, LogAtClose log = LogAtClose::kRemove);
  // Opens `file`, whose writer is open in this process, for reading only.
  static Database open_reader(const std::string& file);
  // Makes a file for a copy to be written into, without a log and without syncing.
  static Database make_plain(const std::string& file);
  // Opens a file that nothing writes and that needs no log, for reading only.
  static Database open_plain_reader(const std::string& file);

  // Runs statements that give no rows.
  void execute(const std::string& sql);
  [[nodiscard]] Statement prepare(std::string_view sql) { return {connection_.get(), sql}; }
  // The first column of the first row; throws when there is none.
  int64_t integer(std::string_view sql);
  std::string text(std::string_view sql);
  // Everything goes from the log into the file, synced, and the log is gone: one plain file is left. REQUIRES: this is
  // the only connection, and no statement of it runs.
  void leave_wal();
  // Runs `sql` when this connection closes, and removes the log when that worked. REQUIRES: opened with kKeep.
  void close_with(std::string sql);
  [[nodiscard]] sqlite3* connection() { return connection_.get(); }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(connection_.get()) == 0; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
    std::string last_statement;
  };
  Database(const std::string& file, int flags);
  void limit_log();

  std::unique_ptr<sqlite3, Close> connection_;
};

// BEGIN … COMMIT; rolls back when it goes without `commit`. One that an earlier failure left open is rolled back first.
class Transaction {
 public:
  enum class Kind { kWrite, kRead };
  Transaction(Database& database, Kind kind);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  // When it throws, the transaction may or may not be durable.
  void commit();

 private:
  Database& database_;
};

// What is read while it lives is one moment.
class ReadSnapshot {
 public:
  explicit ReadSnapshot(Database& database) : transaction_(database, Transaction::Kind::kRead) {}

 private:
  Transaction transaction_;
};

// Logs it, unless it was logged lately.
void report(std::string_view call, const SqliteError& error);

// The border of this adapter (storage/guard.h).
template <class Function>
auto guarded(std::string_view what, Function&& function) {
  return guard<SqliteError>(what, std::forward<Function>(function));
}

}  // namespace hongbao::sqlite
