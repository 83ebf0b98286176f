#include "adapters/sqlite/admin_journal_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include "adapters/sqlite/schema.h"

namespace hongbao::sqlite {
namespace {

const Schema& journal_schema() {
  // The triggers of INSERT are for INSERT OR REPLACE, which removes a row without those of DELETE.
  static const Schema schema{.application_id = 0x4842616a,  // "HBaj"
                             .steps = {R"(
CREATE TABLE begun(
  no INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, token TEXT NOT NULL, role TEXT NOT NULL,
  peer TEXT NOT NULL, call TEXT NOT NULL, content TEXT NOT NULL) STRICT;
CREATE TABLE ended(no INTEGER PRIMARY KEY, at INTEGER NOT NULL, outcome TEXT NOT NULL) STRICT;
CREATE TRIGGER begun_stays BEFORE UPDATE ON begun BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
CREATE TRIGGER begun_is_kept BEFORE DELETE ON begun BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
CREATE TRIGGER begun_is_new BEFORE INSERT ON begun WHEN EXISTS (SELECT 1 FROM begun WHERE no = NEW.no)
  BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
CREATE TRIGGER ended_stays BEFORE UPDATE ON ended BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
CREATE TRIGGER ended_is_kept BEFORE DELETE ON ended BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
CREATE TRIGGER ended_is_new BEFORE INSERT ON ended
  WHEN EXISTS (SELECT 1 FROM ended WHERE no = NEW.no) OR NOT EXISTS (SELECT 1 FROM begun WHERE no = NEW.no)
  BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
)"}};
  return schema;
}

std::unexpected<Error> refuse_journal(std::string detail) {
  return fail(ErrorCode::kConfig, std::move(detail));
}

// Held as long as the descriptor is open. Two that write one file would each take the other's log for an old one.
Result<int> lock_journal(const std::string& file) {
  const int lock = ::open((file + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock >= 0 && ::flock(lock, LOCK_EX | LOCK_NB) == 0) {
    return lock;
  }
  const int error = errno;
  if (lock < 0) {
    return refuse_journal(fmt::format("can't be made: {}", std::generic_category().message(error)));
  }
  ::close(lock);
  return refuse_journal(error == EWOULDBLOCK
                            ? "another process uses: give each node its own"
                            : fmt::format("can't be locked: {}", std::generic_category().message(error)));
}

}  // namespace

Result<std::unique_ptr<AdminJournalStore>> AdminJournalStore::open(const std::string& file) {
  const auto lock = lock_journal(file);
  if (!lock) {
    return std::unexpected(lock.error());
  }
  try {
    Database database = Database::open_writer(file);
    require_schema(database, file, journal_schema());
    return std::unique_ptr<AdminJournalStore>(new AdminJournalStore(*lock, std::move(database)));
  } catch (const SqliteError& error) {
    ::close(*lock);
    return refuse_journal(fmt::format("can't be used: {}", error.what()));
  }
}

AdminJournalStore::AdminJournalStore(int lock, Database database)
    : lock_(lock),
      database_(std::move(database)),
      insert_begun_(database_.prepare("INSERT INTO begun(at, token, role, peer, call, content) VALUES (?,?,?,?,?,?)")),
      insert_ended_(database_.prepare("INSERT INTO ended(no, at, outcome) VALUES (?,?,?)")),
      select_(database_.prepare("SELECT begun.no, begun.at, token, role, peer, call, content, ended.at, outcome FROM "
                                "begun LEFT JOIN ended ON ended.no = begun.no WHERE begun.no < ? ORDER BY begun.no "
                                "DESC LIMIT ?")) {}

AdminJournalStore::~AdminJournalStore() {
  ::close(lock_);
}

Result<std::vector<uint64_t>> AdminJournalStore::append(const std::vector<BegunChange>& begun,
                                                        const std::vector<EndedChange>& ended) {
  return guarded("admin_journal.append", [&] {
    std::vector<uint64_t> numbers;
    Transaction transaction(database_, Transaction::Kind::kWrite);
    for (const auto& [at, token, role, from, call, content] : begun) {
      insert_begun_.run(at, token, role, from, call, content);
      numbers.push_back(static_cast<uint64_t>(sqlite3_last_insert_rowid(database_.connection())));
    }
    for (const auto& [no, at, outcome] : ended) {
      insert_ended_.run(no, at, outcome);
    }
    transaction.commit();
    return numbers;
  });
}

Result<std::vector<JournalEntry>> AdminJournalStore::newest(uint64_t before, size_t entries_max) {
  return guarded("admin_journal.newest", [&] {
    constexpr uint64_t kGreatest = std::numeric_limits<int64_t>::max();
    std::vector<JournalEntry> entries;
    Rows rows = select_.query(std::min(before, kGreatest), entries_max);
    while (rows.next()) {
      JournalEntry entry{.no = rows.count(0),
                         .begun = {.at = {rows.integer(1)},
                                   .token = std::string(rows.text(2)),
                                   .role = std::string(rows.text(3)),
                                   .from = std::string(rows.text(4)),
                                   .call = std::string(rows.text(5)),
                                   .content = std::string(rows.text(6))},
                         .ended = {}};
      if (!rows.is_null(7)) {
        entry.ended = EndedChange{entry.no, {rows.integer(7)}, std::string(rows.text(8))};
      }
      entries.push_back(std::move(entry));
    }
    return entries;
  });
}

Result<uint64_t> AdminJournalStore::bytes() {
  return guarded("admin_journal.bytes", [&] {
    return static_cast<uint64_t>(database_.integer("PRAGMA page_count") * database_.integer("PRAGMA page_size"));
  });
}

}  // namespace hongbao::sqlite
