// The inbox store in SQLite: one file. One connection writes, a few read.
//
// Threads: as the port says. Errors: kStorage with SQLite's words.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/reader_pool.h"
#include "adapters/sqlite/store_file.h"
#include "ports/inbox_store.h"

namespace hongbao::sqlite {

class InboxStore final : public hongbao::InboxStore {
 public:
  // Makes the file when it is new. kStorage: it can't be used, is another version's, or not as `terms` say.
  static Result<std::unique_ptr<InboxStore>> open(const std::string& file, const StoreTerms& terms = {});

  Result<bool> apply(const InboxBatch& batch) override;
  Result<VoucherNo> cursor(ShardId shard) override;
  Result<std::vector<SentEntry>> sent(const UserId& user, ListPosition before, size_t entries_max) override;
  Result<std::vector<ReceivedEntry>> received(const UserId& user, ListPosition before, size_t entries_max) override;
  Result<YearSummary> summary(const UserId& user, int year) override;

 private:
  // The follower's connection.
  class Writer {
   public:
    explicit Writer(Database database);
    bool apply(const InboxBatch& batch);

   private:
    using YearTotals = std::map<std::pair<UserId, int>, YearSummary>;
    void insert(const Voucher& voucher);
    void write(const YearTotals& totals);

    Database database_;
    Statement select_cursor_;
    Statement upsert_cursor_;
    Statement insert_sent_;
    Statement set_refunded_;
    Statement insert_received_;
    Statement add_year_;
  };
  struct Reader {
    explicit Reader(Database opened);
    Database database;
    Statement cursor;
    Statement sent;
    Statement received;
    Statement year;
  };

  InboxStore(const std::string& file, Database writer);

  Writer writer_;
  ReaderPool<Reader> readers_;
};

}  // namespace hongbao::sqlite
