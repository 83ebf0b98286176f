// A small RAII door to MariaDB: connections, prepared statements with values bound one by one or as arrays, rows and
// transactions. Everything here throws MariadbError; the stores catch it at their border (`guarded`), so it never
// leaves this folder.
//
// Threads: a Database and what was made from it is used by one thread at a time.
#pragma once

#include <mysql.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "adapters/mariadb/values.h"
#include "base/clock.h"
#include "base/engine_statistics.h"
#include "base/engine_tls.h"
#include "base/result.h"
#include "storage/guard.h"

namespace hongbao::mariadb {

class MariadbError : public std::runtime_error {
 public:
  // Where it happened; empty where nobody knows.
  struct Place {
    std::string server;  // address:port
    std::string database;
  };
  MariadbError(unsigned code, const std::string& what, Place place = {})
      : std::runtime_error(what), code_(code), place_(std::move(place)) {}
  [[nodiscard]] unsigned code() const { return code_; }
  [[nodiscard]] const Place& place() const { return place_; }
  // A unique key was violated.
  [[nodiscard]] bool is_constraint() const;
  // The server rolled the transaction back, and said so: a deadlock, or a lock that did not come in time.
  [[nodiscard]] bool is_rolled_back() const;
  // Nothing is known of what was sent last.
  [[nodiscard]] bool is_connection_lost() const;
  [[nodiscard]] bool is_no_such_table() const;
  // A table was made or altered after this snapshot began: a new snapshot sees it.
  [[nodiscard]] bool is_stale_snapshot() const;

 private:
  unsigned code_;
  Place place_;
};

struct Server {
  std::string host;
  uint16_t port = 3306;
  std::string user;
  std::string password;
  EngineTls tls{};  // without server_name: the library compares with the host
  std::chrono::seconds connect_timeout{2};
  // A server that is frozen, or a network that swallows everything, counts as lost after this; the error says so.
  std::chrono::seconds answer_timeout{10};

  [[nodiscard]] std::string address() const;
};

// One call of the library, from its beginning on: when it fails, that says where, and whether the server was lost or
// only silent for too long.
class Asking {
 public:
  // `place`: for a connection that is not there yet.
  explicit Asking(MYSQL* connection, MariadbError::Place place = {});
  [[noreturn]] void fail(std::string_view doing) const;
  [[noreturn]] void fail(MYSQL_STMT* statement, std::string_view doing) const;

 private:
  [[noreturn]] void fail(unsigned code, const char* error, std::string_view doing) const;

  MYSQL* connection_;
  MariadbError::Place place_;
  std::chrono::milliseconds limit_{};  // read at the beginning: a connection that was not made forgets it
  SteadyTime began_ = std::chrono::steady_clock::now();
};

// The rows of one query, already here. Columns are read as what they are.
class Rows {
 public:
  Rows(MYSQL* connection, MYSQL_STMT* statement);
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  // Moves to the next row; false after the last.
  bool next();
  // REQUIRES: `next` returned true. Texts and bytes are valid until the next call of `next`.
  [[nodiscard]] int64_t integer(size_t column) const { return cells_[column].integer; }
  [[nodiscard]] uint64_t count(size_t column) const { return static_cast<uint64_t>(integer(column)); }
  [[nodiscard]] Money money(size_t column) const { return Money(integer(column)); }
  [[nodiscard]] bool is_null(size_t column) const { return cells_[column].is_null != 0; }
  [[nodiscard]] std::string_view text(size_t column) const;
  [[nodiscard]] Bytes blob(size_t column) const;
  [[nodiscard]] ShardId shard(size_t column) const { return shard_of(integer(column)); }

 private:
  struct Cell {
    int64_t integer = 0;
    std::string bytes;
    unsigned long length = 0;
    my_bool is_null = 0;
  };
  MYSQL* connection_;
  MYSQL_STMT* statement_;
  std::vector<Cell> cells_;
};

// Prepared once, run many times. Values are bound by position, all of them each time.
class Statement {
 public:
  Statement(MYSQL* connection, std::string_view sql);

  // Returns how many rows an UPDATE matched, or an INSERT or DELETE changed.
  template <class... Values>
  uint64_t run(const Values&... values) {
    const Value bound[] = {to_value(values)..., Value()};
    return run_bound({bound, sizeof...(values)});
  }
  // The rows are read while this statement is left alone.
  template <class... Values>
  [[nodiscard]] Rows query(const Values&... values) {
    const Value bound[] = {to_value(values)..., Value()};
    execute({bound, sizeof...(values)});
    return {connection_, statement_.get()};
  }
  [[nodiscard]] Rows query_values(std::span<const Value> values) {
    execute(values);
    return {connection_, statement_.get()};
  }
  uint64_t run_values(std::span<const Value> values) { return run_bound(values); }
  // All rows in one round trip; nothing when there are none.
  uint64_t run_all(const ValueRows& rows);

 private:
  struct Close {
    void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
  };
  uint64_t run_bound(std::span<const Value> values);
  void execute(std::span<const Value> values);
  void use_array_of(unsigned rows);

  MYSQL* connection_;  // the statement itself forgets it when it is lost
  std::unique_ptr<MYSQL_STMT, Close> statement_;
  unsigned array_rows_ = 0;  // what the statement is set to; 0: one row, not bound as an array
};

struct CloseConnection {
  EngineStatistics* open_at = nullptr;  // where it counts as open
  void operator()(MYSQL* connection) const;
};

class Database {
 public:
  // kWrite: READ COMMITTED, and every statement opens a transaction that only `commit` ends. kRead: one snapshot a
  // Transaction, read only.
  enum class Mode { kWrite, kRead };
  // `name` may be empty: no database is chosen.
  static Database open(const Server& server, const std::string& name, Mode mode);

  // Runs statements that give no rows.
  void execute(std::string_view sql);
  [[nodiscard]] Statement prepare(std::string_view sql) { return {connection_.get(), sql}; }
  // The first column of the first row; nullopt when there is none.
  std::optional<std::string> text(std::string_view sql);

  void commit() { execute("COMMIT"); }
  void rollback() { execute("ROLLBACK"); }

 private:
  explicit Database(const Server& server);

  std::unique_ptr<MYSQL, CloseConnection> connection_;
};

// One consistent reading on a connection of mode kRead.
class Snapshot {
 public:
  explicit Snapshot(Database& database);
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot();

 private:
  Database& database_;
};

// Logs it, unless it was logged lately, and counts it.
void report(std::string_view call, const MariadbError& error);

// The border of this adapter (storage/guard.h).
template <class Function>
auto guarded(std::string_view what, Function&& function) {
  return guard<MariadbError>(what, std::forward<Function>(function));
}

}  // namespace hongbao::mariadb
