#include "adapters/sqlite/store_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "adapters/sqlite/files.h"

namespace hongbao::sqlite {
namespace {

constexpr std::string_view kMakeTable =
    "CREATE TABLE IF NOT EXISTS deployment(id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, "
    "in_use INTEGER NOT NULL) STRICT";

[[noreturn]] void refuse(const std::string& file, std::string_view why, bool restore = true) {
  throw SqliteError(SQLITE_MISMATCH,
                    fmt::format("{} {}{}", file, why,
                                restore ? "; put back the whole data directory of one moment, or restore a backup "
                                          "(hongbaoctl restore)"
                                        : ""));
}

std::string log_of(const std::string& file) {
  return file + "-wal";
}

bool is_there(const std::string& file) {
  std::error_code error;
  return std::filesystem::exists(file, error);
}

// Saying that a file is in use is written to its log first, so that is never empty afterwards.
bool has_log_of(const std::string& file) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(log_of(file), error);
  return !error && bytes > 0;
}

void require_file(const std::string& file, const StoreTerms& terms) {
  if (terms.was_made && !is_there(file)) {
    refuse(file, "is missing");
  }
  std::error_code error;
  if (terms.was_made && std::filesystem::file_size(file, error) == 0 && !error) {
    refuse(file, "is empty");
  }
  for (const std::string& part : {file, log_of(file), file + "-shm"}) {
    if (is_there(part) && ::access(part.c_str(), R_OK | W_OK) != 0) {
      refuse(part,
             fmt::format("can't be read and written by this user ({}): give it to the one that runs hongbaod",
                         std::error_code(errno, std::generic_category()).message()),
             /*restore=*/false);
    }
  }
}

// Changes of the schema that a file has had at least: one for each table and index.
int64_t schema_changes(Database& database) {
  return database.integer("SELECT count(*) FROM sqlite_master WHERE sql IS NOT NULL");
}

// SQLite's own backup takes along what the log held, and counts the changes of the schema anew.
bool was_backed_up(Database& database) {
  return database.integer("PRAGMA schema_version") < schema_changes(database);
}

// Returns whether the file itself said so before, of a use that ended with a crash.
bool take(Database& database, const std::string& file, const StoreTerms& terms, bool has_log) {
  Transaction transaction(database, Transaction::Kind::kWrite);
  database.execute(std::string(kMakeTable));
  std::string name;
  bool in_use = false;
  {
    Statement select = database.prepare("SELECT name, in_use FROM deployment");
    Rows rows = select.query();
    if (rows.next()) {
      name = rows.text(0);
      in_use = rows.integer(1) != 0;
    } else if (terms.was_made) {
      refuse(file, "belongs to no deployment, and the others do");
    } else {
      name = terms.deployment;
      database.prepare("INSERT INTO deployment VALUES (1, ?, 0)").run(name);
    }
  }
  if (name != terms.deployment) {
    refuse(file, fmt::format("is of another deployment ({}) than its directory ({})", name, terms.deployment));
  }
  const bool from_backup = was_backed_up(database);
  if (in_use && !has_log && !from_backup) {
    refuse(file, fmt::format("was copied while it was in use, without its log {}: what that held is missing",
                             std::filesystem::path(log_of(file)).filename().string()));
  }
  database.execute("UPDATE deployment SET in_use = 1");
  if (from_backup) {  // from here on it is a file as any other
    database.execute(fmt::format("PRAGMA schema_version = {}", schema_changes(database)));
  }
  transaction.commit();
  return in_use && !from_backup;
}

}  // namespace

Database open_store(const std::string& file, const Schema& schema, const StoreTerms& terms) {
  require_file(file, terms);
  const bool has_log = has_log_of(file);
  // A start that fails leaves the log of the crash before it, which the next one asks for.
  Database database = Database::open_writer(file, Database::LogAtClose::kKeep);
  if (terms.was_made && database.integer("SELECT count(*) FROM sqlite_master") == 0) {
    refuse(file, has_log ? "holds nothing" : "holds nothing: it was copied without its log (-wal), or emptied");
  }
  require_schema(database, file, schema);
  if (!take(database, file, terms, has_log)) {
    // Into the file itself: a copy of it alone has to say so.
    (void)database.integer("PRAGMA wal_checkpoint(PASSIVE)");
  }
  database.close_with("UPDATE deployment SET in_use = 0");
  return database;
}

void give_store(const std::string& file, const std::string& deployment) {
  {
    Database database = Database::open_writer(file);
    database.prepare("UPDATE deployment SET name = ?, in_use = 0").run(deployment);
    database.leave_wal();
  }
  if (const auto synced = sync_file(file); !synced) {
    throw SqliteError(SQLITE_IOERR, synced.error().detail);
  }
}

}  // namespace hongbao::sqlite
