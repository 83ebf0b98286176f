// The admin journal in SQLite: one file of one node. Triggers refuse whatever would change or remove an entry, for this
// program too; who can write the file can of course do anything to it.
//
// Threads: as the port says. Errors: kStorage with SQLite's words.
#pragma once

#include <memory>
#include <string>

#include "adapters/sqlite/database.h"
#include "ports/admin_journal_store.h"

namespace hongbao::sqlite {

class AdminJournalStore final : public hongbao::AdminJournalStore {
 public:
  // Makes the file when it is missing. kConfig, in words that follow its name: it can't be used, or another process
  // uses it.
  static Result<std::unique_ptr<AdminJournalStore>> open(const std::string& file);
  ~AdminJournalStore() override;

  Result<std::vector<uint64_t>> append(const std::vector<BegunChange>& begun,
                                       const std::vector<EndedChange>& ended) override;
  Result<std::vector<JournalEntry>> newest(uint64_t before, size_t entries_max) override;
  Result<uint64_t> bytes() override;

 private:
  AdminJournalStore(int lock, Database database);

  const int lock_;
  Database database_;
  Statement insert_begun_;
  Statement insert_ended_;
  Statement select_;
};

}  // namespace hongbao::sqlite
