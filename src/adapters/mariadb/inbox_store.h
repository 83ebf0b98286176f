// The inbox store in MariaDB: one database, written by the inbox followers of several processes. A batch is one
// transaction of few round trips. Positions are the database's counter: they rise as rows are written, and a page
// shifts only by what another process was writing at that moment.
//
// Threads: as the port says. Errors: kStorage with MariaDB's words.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "adapters/mariadb/reader_pool.h"
#include "adapters/mariadb/schema.h"
#include "adapters/mariadb/writer.h"
#include "ports/inbox_store.h"

namespace hongbao {

class MariadbInboxStore final : public InboxStore {
 public:
  // kConfig: the database is missing or of another version.
  static Result<std::unique_ptr<MariadbInboxStore>> open(const MariadbServer& server, const DatabaseName& database);

  Result<bool> apply(const InboxBatch& batch) override;
  Result<VoucherNo> cursor(ShardId shard) override;
  Result<std::vector<SentEntry>> sent(const UserId& user, uint64_t before, size_t entries_max) override;
  Result<std::vector<ReceivedEntry>> received(const UserId& user, uint64_t before, size_t entries_max) override;
  Result<YearSummary> summary(const UserId& user, int year) override;

 private:
  // The follower's connection.
  class Session {
   public:
    explicit Session(mariadb::Database opened);
    bool apply(const InboxBatch& batch);
    void rollback() { database_.rollback(); }

   private:
    VoucherNo lock_cursor(ShardId shard);

    mariadb::Database database_;
    mariadb::Statement insert_cursor_;
    mariadb::Statement select_cursor_;
    mariadb::Statement update_cursor_;
    mariadb::Statement insert_sent_;
    mariadb::Statement set_refunded_;
    mariadb::Statement insert_received_;
    mariadb::Statement add_year_;
  };
  struct Reader {
    explicit Reader(mariadb::Database opened);
    mariadb::Database database;
    mariadb::Statement cursor;
    mariadb::Statement sent;
    mariadb::Statement received;
    mariadb::Statement year;
  };

  MariadbInboxStore(const MariadbServer& server, const std::string& database);
  template <class Function>
  auto read(std::string_view what, Function function);

  mariadb::Writer<Session> writer_;
  mariadb::ReaderPool<Reader> readers_;
};

}  // namespace hongbao
