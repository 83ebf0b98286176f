#include "adapters/sqlite/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "adapters/sqlite/files.h"
#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao::sqlite {
namespace {

// Only this process writes, so a lock is held for long only by an operator's shell; better a clear failure than a
// shard that stands still.
constexpr int kBusyTimeout_ms = 1000;
constexpr int kWriterCache_kib = 64 * 1024;
constexpr int kReaderCache_kib = 8 * 1024;
// A checkpoint runs inside a commit and syncs twice. At 4,000 pages (16 MiB) it comes a few times a second under full
// load instead of after every few batches, and the log to read at a restart stays small.
constexpr int kCheckpointPages = 4000;
// A long audit keeps the log from being reused; afterwards it is cut back to this.
constexpr int64_t kLogFileMax_bytes = 256LL * 1024 * 1024;

// Runs after every commit. SQLite's own hook forgives whatever fails; this one ends the process when a sync does. A
// checkpoint that readers held back may have counted pages as written that the failed sync lost, and the next one would
// not write them again before the log is reused. Only a new process, which finds no count, writes the whole log.
int checkpoint(void*, sqlite3* connection, const char* name, int log_pages) {
  if (log_pages < kCheckpointPages) {
    return SQLITE_OK;
  }
  if (sqlite3_wal_checkpoint_v2(connection, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) == SQLITE_IOERR_FSYNC) {
    log_error("checkpoint_sync_failed", {{"file", sqlite3_db_filename(connection, name)}});
    (void)flush_log();
    std::_Exit(EXIT_FAILURE);
  }
  return SQLITE_OK;
}

// Names the file, for logs and for whoever starts a server that refuses.
SqliteError error_of(sqlite3* connection, int code, std::string_view doing) {
  return {code, fmt::format("{}: {}: {}", sqlite3_db_filename(connection, "main"), doing, sqlite3_errmsg(connection))};
}

// Whether the log's file stays when its last connection closes.
void keep_log(sqlite3* connection, bool keep) {
  int value = keep ? 1 : 0;
  (void)sqlite3_file_control(connection, "main", SQLITE_FCNTL_PERSIST_WAL, &value);
}

// SQLite gives a log the mode of its database, and a new database the umask's: these are for their owner alone. One
// that is there is left alone, since closing any descriptor of a file drops the locks that SQLite has on it.
void make_file(const std::string& file) {
  if (file == ":memory:") {
    return;
  }
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
  }
}

void require(bool holds, std::string_view detail) {
  if (!holds) {
    throw SqliteError(SQLITE_ERROR, std::string(detail));
  }
}

}  // namespace

bool Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    throw error_of(sqlite3_db_handle(statement_), code, "reading");
  }
  return code == SQLITE_ROW;
}

std::string_view Rows::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return data == nullptr ? std::string_view() : std::string_view(data, sqlite3_column_bytes(statement_, column));
}

Bytes Rows::blob(int column) const {
  const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

ShardId Rows::shard(int column) const {
  const auto shard = parse_shard_id(text(column));
  require_sound(shard.has_value(), "a shard is s or n and three digits");
  return *shard;
}

Statement::Statement(sqlite3* connection, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) {
    throw error_of(connection, code, "preparing");
  }
  CHECK(statement != nullptr);
  statement_.reset(statement);
}

int64_t Statement::run_bound() {
  sqlite3* connection = sqlite3_db_handle(statement_.get());
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    // Reset gives the same error once more; its words are taken before.
    const SqliteError error = error_of(connection, code, "writing");
    sqlite3_reset(statement_.get());
    throw error;
  }
  sqlite3_reset(statement_.get());
  return sqlite3_changes64(connection);
}

// Binding fails only for a wrong index or without memory.
void Statement::bind(int index, int64_t value, sqlite3_destructor_type) {
  CHECK(sqlite3_bind_int64(statement_.get(), index, value) == SQLITE_OK);
}

void Statement::bind(int index, std::string_view text, sqlite3_destructor_type texts) {
  // An empty view may have no data, which SQLite would take for NULL.
  const char* data = text.data() == nullptr ? "" : text.data();
  CHECK(sqlite3_bind_text(statement_.get(), index, data, static_cast<int>(text.size()), texts) == SQLITE_OK);
}

void Statement::bind(int index, Bytes blob, sqlite3_destructor_type texts) {
  CHECK(sqlite3_bind_blob(statement_.get(), index, blob.data(), static_cast<int>(blob.size()), texts) == SQLITE_OK);
}

void Statement::bind(int index, std::nullptr_t, sqlite3_destructor_type) {
  CHECK(sqlite3_bind_null(statement_.get(), index) == SQLITE_OK);
}

void Database::Close::operator()(sqlite3* connection) const {
  if (!last_statement.empty()) {
    if (sqlite3_get_autocommit(connection) == 0) {
      (void)sqlite3_exec(connection, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    if (sqlite3_exec(connection, last_statement.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
      keep_log(connection, false);
    } else {
      // Closing empties a log whose size is limited, and an emptied one would look like one that was lost.
      (void)sqlite3_exec(connection, "PRAGMA journal_size_limit = -1", nullptr, nullptr, nullptr);
      log_warn("sqlite_close_failed",
               {{"file", sqlite3_db_filename(connection, "main")}, {"error", sqlite3_errmsg(connection)}});
    }
  }
  sqlite3_close_v2(connection);
}

Database::Database(const std::string& file, int flags) {
  sqlite3* connection = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &connection, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  connection_.reset(connection);
  if (code != SQLITE_OK) {
    throw SqliteError(code, fmt::format("{}: opening: {}", file, sqlite3_errstr(code)));
  }
  sqlite3_busy_timeout(connection, kBusyTimeout_ms);
}

Database Database::open_writer(const std::string& file, LogAtClose log) {
  // SQLite takes what it reads in the log for durable and writes behind it. A hole there would end the log at the next
  // power cut, whatever came after.
  if (const auto written = rewrite_durably(file + "-wal"); !written) {
    throw SqliteError(SQLITE_IOERR, written.error().detail);
  }
  make_file(file);
  Database database(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  keep_log(database.connection(), log == LogAtClose::kKeep);
  require(database.text("PRAGMA journal_mode = WAL") == "wal", fmt::format("{}: WAL is not possible here", file));
  database.execute("PRAGMA synchronous = FULL");
  require(database.integer("PRAGMA synchronous") == 2, fmt::format("{}: synchronous = FULL did not take effect", file));
  database.execute(
      fmt::format("PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
                  "PRAGMA cache_size = -{}",
                  kWriterCache_kib));
  if (log == LogAtClose::kRemove) {
    database.limit_log();
  }
  sqlite3_wal_hook(database.connection_.get(), checkpoint, nullptr);
  return database;
}

Database Database::open_reader(const std::string& file) {
  Database database(file, SQLITE_OPEN_READONLY);
  // mmap would turn a failing disk into a signal.
  database.execute(
      fmt::format("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
                  "PRAGMA cache_size = -{}",
                  kReaderCache_kib));
  require(database.text("PRAGMA journal_mode") == "wal", fmt::format("{}: not in WAL mode", file));
  return database;
}

Database Database::make_plain(const std::string& file) {
  make_file(file);
  Database database(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  database.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA mmap_size = 0");
  return database;
}

Database Database::open_plain_reader(const std::string& file) {
  Database database(file, SQLITE_OPEN_READONLY);
  database.execute("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0");
  return database;
}

void Database::limit_log() {
  execute(fmt::format("PRAGMA journal_size_limit = {}", kLogFileMax_bytes));
}

void Database::close_with(std::string sql) {
  limit_log();
  connection_.get_deleter().last_statement = std::move(sql);
}

void Database::leave_wal() {
  require(integer("PRAGMA wal_checkpoint(TRUNCATE)") == 0, "the log could not be written back whole");
  require(text("PRAGMA journal_mode = DELETE") == "delete", "the log could not be left");
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    throw error_of(connection_.get(), code, "executing");
  }
}

int64_t Database::integer(std::string_view sql) {
  Statement statement = prepare(sql);
  Rows rows = statement.query();
  require(rows.next(), fmt::format("no row from: {}", sql));
  return rows.integer(0);
}

std::string Database::text(std::string_view sql) {
  Statement statement = prepare(sql);
  Rows rows = statement.query();
  require(rows.next(), fmt::format("no row from: {}", sql));
  return std::string(rows.text(0));
}

Transaction::Transaction(Database& database, Kind kind) : database_(database) {
  if (database_.in_transaction()) {
    database_.execute("ROLLBACK");
  }
  // IMMEDIATE takes the write lock here, so that nothing later in the transaction can find it busy.
  database_.execute(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  if (!database_.in_transaction()) {
    return;
  }
  try {
    database_.execute("ROLLBACK");
  } catch (const SqliteError& error) {
    log_error("sqlite_rollback_failed", {{"error", error.what()}});
  }
}

void Transaction::commit() {
  database_.execute("COMMIT");
}

void report(std::string_view call, const SqliteError& error) {
  if (const auto left_out = log_turn("sqlite_failed", call)) {
    log_error("sqlite_failed", {{"call", call}, {"error", error.what()}, {"suppressed", *left_out}});
  }
}

}  // namespace hongbao::sqlite
