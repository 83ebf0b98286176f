#include "adapters/sqlite/snapshot.h"

#include <fmt/format.h>

#include <memory>

namespace hongbao::sqlite {
namespace {

constexpr int kPagesAtOnce = 512;  // 2 MiB

struct Finish {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

}  // namespace

void Snapshot::pin() {
  database_.execute("BEGIN");
  (void)database_.integer("SELECT count(*) FROM sqlite_master");  // a transaction shows the moment of its first reading
}

bool Snapshot::copy_to(const std::string& target, const GoOn& go_on) {
  Database copy = Database::make_plain(target);
  const std::unique_ptr<sqlite3_backup, Finish> backup(
      sqlite3_backup_init(copy.connection(), "main", database_.connection(), "main"));
  if (!backup) {
    throw SqliteError(SQLITE_ERROR, fmt::format("{}: copying: {}", target, sqlite3_errmsg(copy.connection())));
  }
  const auto page_bytes = static_cast<uint64_t>(database_.integer("PRAGMA page_size"));
  int before = 0;
  for (int code = SQLITE_OK; code != SQLITE_DONE;) {
    code = sqlite3_backup_step(backup.get(), kPagesAtOnce);
    if (code != SQLITE_OK && code != SQLITE_DONE) {
      throw SqliteError(code, fmt::format("{}: copying to {}: {}", file_, target, sqlite3_errstr(code)));
    }
    const int done = sqlite3_backup_pagecount(backup.get()) - sqlite3_backup_remaining(backup.get());
    const bool on = go_on(static_cast<uint64_t>(done - before) * page_bytes);
    before = done;
    if (!on && code != SQLITE_DONE) {
      return false;
    }
  }
  return true;
}

std::vector<DayPart> Snapshot::cold_parts() {
  std::vector<DayPart> parts;
  Statement select = database_.prepare("SELECT day, part FROM stored_day WHERE place <> ? ORDER BY day, part");
  Rows rows = select.query(DayPlace::kHot);
  while (rows.next()) {
    parts.push_back({Day{static_cast<int32_t>(rows.integer(0))}, static_cast<uint32_t>(rows.integer(1))});
  }
  return parts;
}

}  // namespace hongbao::sqlite
