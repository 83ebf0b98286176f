#include "adapters/mariadb/database.h"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysqld_error.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/log.h"
#include "base/log_rate.h"
#include "core/ids.h"

namespace hongbao::mariadb {
namespace {

// A lock that another transaction holds is there for a commit's length, or for as long as the server takes to notice a
// dead client.
constexpr int kLockWait_s = 5;
// A process that was stopped, or cut off, in the middle of a transaction holds its locks no longer than this: the
// server ends its connection. Shorter than the wait for a lock, so that the others get through at their first try.
constexpr int kIdleTransaction_s = 2;
// The widest column that is read into memory of its own; wider values would be cut, and the reader says so.
constexpr unsigned long kColumnBytesMax = 65'536;

// A wait that ended so close to its limit ended by it.
constexpr std::chrono::milliseconds kTimerSlack{100};

// The library only reads what is bound for a statement, and does not say so.
void* as_mutable(const void* bound) {
  return std::bit_cast<void*>(bound);
}

void use_tls(MYSQL* connection, const EngineTls& tls) {
  CHECK(tls.server_name.empty());
  constexpr my_bool yes = 1;
  mysql_options(connection, MYSQL_OPT_SSL_CA, tls.ca_file.c_str());
  if (!tls.cert_file.empty()) {
    mysql_options(connection, MYSQL_OPT_SSL_CERT, tls.cert_file.c_str());
    mysql_options(connection, MYSQL_OPT_SSL_KEY, tls.key_file.c_str());
  }
  mysql_options(connection, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
  mysql_options(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, &yes);  // else a server that offers no TLS is talked to in clear
}

bool is_integer(const MYSQL_FIELD& field) {
  switch (field.type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
      return true;
    default:
      return false;
  }
}

}  // namespace

Asking::Asking(MYSQL* connection, MariadbError::Place place) : connection_(connection), place_(std::move(place)) {
  unsigned answer_s = 0;
  unsigned connect_s = 0;
  (void)mysql_get_optionv(connection, MYSQL_OPT_READ_TIMEOUT, &answer_s);
  (void)mysql_get_optionv(connection, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
  const bool is_connected = connection->thread_id != 0;
  limit_ = std::chrono::seconds(is_connected ? answer_s : std::min(answer_s, connect_s));
}

void Asking::fail(std::string_view doing) const {
  fail(mysql_errno(connection_), mysql_error(connection_), doing);
}

void Asking::fail(MYSQL_STMT* statement, std::string_view doing) const {
  fail(mysql_stmt_errno(statement), mysql_stmt_error(statement), doing);
}

void Asking::fail(unsigned code, const char* error, std::string_view doing) const {
  const MYSQL& at = *connection_;
  MariadbError::Place place = place_;
  if (place.server.empty() && at.host != nullptr) {
    place = {fmt::format("{}:{}", at.host, at.port), at.db == nullptr ? "" : at.db};
  }
  MariadbError failed(code, fmt::format("{}: {}", doing, error), place);
  if (failed.is_connection_lost() && std::chrono::steady_clock::now() - began_ >= limit_ - kTimerSlack) {
    throw MariadbError(code, fmt::format("{}: no answer within {} ms", doing, limit_.count()), std::move(place));
  }
  throw failed;
}

bool MariadbError::is_constraint() const {
  return code_ == ER_DUP_ENTRY;
}
bool MariadbError::is_rolled_back() const {
  return code_ == ER_LOCK_DEADLOCK || code_ == ER_LOCK_WAIT_TIMEOUT;
}
bool MariadbError::is_connection_lost() const {
  // Whatever ends a connection by TLS is CR_SSL_CONNECTION_ERROR to the library.
  constexpr std::array<unsigned, 9> codes{CR_SERVER_GONE_ERROR, CR_SERVER_LOST,       CR_SERVER_LOST_EXTENDED,
                                          CR_CONNECTION_ERROR,  CR_CONN_HOST_ERROR,   CR_SSL_CONNECTION_ERROR,
                                          ER_SERVER_SHUTDOWN,   ER_CONNECTION_KILLED, ER_NET_READ_ERROR};
  return std::ranges::find(codes, code_) != codes.end();
}
bool MariadbError::is_no_such_table() const {
  return code_ == ER_NO_SUCH_TABLE;
}
bool MariadbError::is_stale_snapshot() const {
  return code_ == ER_TABLE_DEF_CHANGED;
}

std::string Server::address() const {
  return fmt::format("{}:{}", host, port);
}

Rows::Rows(MYSQL* connection, MYSQL_STMT* statement)
    : connection_(connection), statement_(statement), cells_(mysql_stmt_field_count(statement)) {
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> fields(mysql_stmt_result_metadata(statement),
                                                                mysql_free_result);
  CHECK(fields != nullptr);
  std::vector<MYSQL_BIND> binds(cells_.size());
  for (size_t i = 0; i < cells_.size(); ++i) {
    const MYSQL_FIELD& field = *mysql_fetch_field_direct(fields.get(), static_cast<unsigned>(i));
    Cell& cell = cells_[i];
    MYSQL_BIND& bind = binds[i];
    bind.is_null = &cell.is_null;
    if (is_integer(field)) {
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.buffer = &cell.integer;
    } else {
      cell.bytes.resize(std::min(field.length, kColumnBytesMax));
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer = cell.bytes.data();
      bind.buffer_length = cell.bytes.size();
      bind.length = &cell.length;
    }
  }
  const Asking asking(connection);
  if (mysql_stmt_bind_result(statement, binds.data()) != 0 || mysql_stmt_store_result(statement) != 0) {
    asking.fail(statement, "reading");
  }
}

Rows::~Rows() {
  mysql_stmt_free_result(statement_);
}

bool Rows::next() {
  const Asking asking(connection_);
  const int code = mysql_stmt_fetch(statement_);
  if (code == MYSQL_NO_DATA) {
    return false;
  }
  if (code == MYSQL_DATA_TRUNCATED) {
    throw MariadbError(ER_DATA_TOO_LONG, "reading: a value is longer than its column may be");
  }
  if (code != 0) {
    asking.fail(statement_, "reading");
  }
  return true;
}

std::string_view Rows::text(size_t column) const {
  const Cell& cell = cells_[column];
  return is_null(column) ? std::string_view() : std::string_view(cell.bytes).substr(0, cell.length);
}

Bytes Rows::blob(size_t column) const {
  return as_bytes(text(column));
}

Statement::Statement(MYSQL* connection, std::string_view sql)
    : connection_(connection), statement_(mysql_stmt_init(connection)) {
  CHECK(statement_ != nullptr);
  const Asking asking(connection);
  if (mysql_stmt_prepare(statement_.get(), sql.data(), sql.size()) != 0) {
    asking.fail(statement_.get(), fmt::format("preparing {:.60}", sql));
  }
}

void Statement::use_array_of(unsigned rows) {
  if (rows != array_rows_) {
    CHECK(mysql_stmt_attr_set(statement_.get(), STMT_ATTR_ARRAY_SIZE, &rows) == 0);
    array_rows_ = rows;
  }
}

void Statement::execute(std::span<const Value> values) {
  CHECK(values.size() == mysql_stmt_param_count(statement_.get()));
  use_array_of(0);
  std::vector<MYSQL_BIND> binds(values.size());
  std::vector<unsigned long> lengths(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const Value& value = values[i];
    MYSQL_BIND& bind = binds[i];
    switch (value.kind) {
      case Value::Kind::kNull:
        bind.buffer_type = MYSQL_TYPE_NULL;
        break;
      case Value::Kind::kInteger:
        bind.buffer_type = MYSQL_TYPE_LONGLONG;
        bind.buffer = as_mutable(&value.integer);
        break;
      case Value::Kind::kBytes:
        lengths[i] = value.bytes.size();
        bind.buffer_type = MYSQL_TYPE_STRING;
        bind.buffer = as_mutable(value.bytes.data());
        bind.buffer_length = lengths[i];
        bind.length = &lengths[i];
        break;
    }
  }
  const Asking asking(connection_);
  if ((!binds.empty() && mysql_stmt_bind_param(statement_.get(), binds.data()) != 0) ||
      mysql_stmt_execute(statement_.get()) != 0) {
    asking.fail(statement_.get(), "running");
  }
}

uint64_t Statement::run_bound(std::span<const Value> values) {
  execute(values);
  return mysql_stmt_affected_rows(statement_.get());
}

uint64_t Statement::run_all(const ValueRows& rows) {
  if (rows.empty()) {
    return 0;
  }
  // Column by column, as the protocol's bulk execution wants it: an array of numbers, or of pointers with their
  // lengths, and an indicator for each value.
  struct Column {
    std::vector<int64_t> integers;
    std::vector<const char*> texts;
    std::vector<unsigned long> lengths;
    std::vector<char> indicators;
  };
  const auto& values = rows.columns();
  CHECK(values.size() == mysql_stmt_param_count(statement_.get()));
  std::vector<Column> columns(values.size());
  std::vector<MYSQL_BIND> binds(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    Column& column = columns[i];
    column.indicators.resize(rows.rows(), STMT_INDICATOR_NONE);
    const bool integers =
        std::ranges::all_of(values[i], [](const Value& value) { return value.kind != Value::Kind::kBytes; });
    for (size_t row = 0; row < rows.rows(); ++row) {
      const Value& value = values[i][row];
      CHECK(integers || value.kind != Value::Kind::kInteger);
      if (value.kind == Value::Kind::kNull) {
        column.indicators[row] = STMT_INDICATOR_NULL;
      }
      if (integers) {
        column.integers.push_back(value.integer);
      } else {
        column.texts.push_back(value.bytes.data());
        column.lengths.push_back(value.bytes.size());
      }
    }
    MYSQL_BIND& bind = binds[i];
    bind.u.indicator = column.indicators.data();
    bind.buffer_type = integers ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_STRING;
    bind.buffer = integers ? static_cast<void*>(column.integers.data()) : static_cast<void*>(column.texts.data());
    bind.length = integers ? nullptr : column.lengths.data();
  }
  use_array_of(static_cast<unsigned>(rows.rows()));
  const Asking asking(connection_);
  if (mysql_stmt_bind_param(statement_.get(), binds.data()) != 0 || mysql_stmt_execute(statement_.get()) != 0) {
    asking.fail(statement_.get(), "writing");
  }
  return mysql_stmt_affected_rows(statement_.get());
}

Database::Database(const Server& server) {
  // The library's own first use is guarded by nothing, and a process may connect from several threads at first.
  static const int library = mysql_library_init(0, nullptr, nullptr);
  CHECK(library == 0);
  connection_.reset(mysql_init(nullptr));
  CHECK(connection_ != nullptr);
  const auto connect_s = static_cast<unsigned>(server.connect_timeout.count());
  const auto answer_s = static_cast<unsigned>(server.answer_timeout.count());
  constexpr unsigned protocol = MYSQL_PROTOCOL_TCP;  // else "localhost" is a Unix socket, and the port is ignored
  MYSQL* connection = connection_.get();
  mysql_options(connection, MYSQL_OPT_PROTOCOL, &protocol);
  mysql_options(connection, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
  mysql_options(connection, MYSQL_OPT_READ_TIMEOUT, &answer_s);
  mysql_options(connection, MYSQL_OPT_WRITE_TIMEOUT, &answer_s);
  mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (server.tls.is_on()) {
    use_tls(connection, server.tls);
  }
}

Database Database::open(const Server& server, const std::string& name, Mode mode) {
  Database database(server);
  MYSQL* connection = database.connection_.get();
  const Asking asking(connection, {server.address(), name});
  if (mysql_real_connect(connection, server.host.c_str(), server.user.c_str(), server.password.c_str(),
                         name.empty() ? nullptr : name.c_str(), server.port, nullptr, CLIENT_FOUND_ROWS) == nullptr) {
    asking.fail(fmt::format("connecting to {}", server.address()));
  }
  EngineStatistics& statistics = engine_statistics("mariadb", server.address());
  statistics.connections.fetch_add(1);
  database.connection_.get_deleter().open_at = &statistics;
  const bool writes = mode == Mode::kWrite;
  // UTC: where summer time ends, a local clock goes through one hour twice, and leases would not lapse in it.
  database.execute(
      fmt::format("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', "
                  "innodb_lock_wait_timeout = {}, idle_transaction_timeout = {}, tx_isolation = '{}', autocommit = {}",
                  kLockWait_s, kIdleTransaction_s, writes ? "READ-COMMITTED" : "REPEATABLE-READ", writes ? 0 : 1));
  return database;
}

void CloseConnection::operator()(MYSQL* connection) const {
  if (open_at != nullptr) {
    open_at->connections.fetch_sub(1);
  }
  mysql_close(connection);
}

void Database::execute(std::string_view sql) {
  const Asking asking(connection_.get());
  if (mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0) {
    asking.fail(fmt::format("running {:.60}", sql));
  }
}

std::optional<std::string> Database::text(std::string_view sql) {
  execute(sql);
  const Asking asking(connection_.get());
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> rows(mysql_store_result(connection_.get()), mysql_free_result);
  if (rows == nullptr) {
    asking.fail(fmt::format("reading {:.60}", sql));
  }
  auto* row = mysql_fetch_row(rows.get());
  if (row == nullptr || row[0] == nullptr) {
    return std::nullopt;
  }
  return std::string(row[0], mysql_fetch_lengths(rows.get())[0]);
}

Snapshot::Snapshot(Database& database) : database_(database) {
  database_.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
}

Snapshot::~Snapshot() {
  try {
    database_.execute("COMMIT");
  } catch (const MariadbError& error) {  // the connection is lost, and the server ends its snapshot by itself
    if (const auto left_out = log_turn("snapshot_lost", error.place().server)) {
      log_info("snapshot_lost", {{"server", error.place().server}, {"error", error.what()}, {"suppressed", *left_out}});
    }
  }
}

void report(std::string_view call, const MariadbError& error) {
  const auto& [server, database] = error.place();
  if (!server.empty()) {
    engine_statistics("mariadb", server).errors.fetch_add(1);
  }
  const auto left_out = log_turn("mariadb_failed", fmt::format("{} {}", call, server));
  if (!left_out) {
    return;
  }
  const auto shard = parse_shard_id(database.substr(database.rfind('_') + 1));
  log_error("mariadb_failed", {{"call", call},
                               {"server", server},
                               {"database", database},
                               {"shard", shard ? to_text(*shard) : ""},
                               {"code", error.code()},
                               {"error", error.what()},
                               {"suppressed", *left_out}});
}

}  // namespace hongbao::mariadb
