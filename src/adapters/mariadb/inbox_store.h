// The inbox store in MariaDB: one database, written by the inbox followers of several processes. A batch is one
// transaction of few round trips: the shard's cursor, locked and compared, one array of rows for each table, and
// COMMIT. Writers of different shards share no row, so they neither wait for each other nor end in a deadlock.
//
// An entry is one row of one tree, by (user, position): a page of a list is one place on the disk. The position needs
// no counter: when it happened, and a tie that holds shard and voucher (core/list_position.h).
//
// A yearly total is summed when it is asked for, over the user's entries of that year (and, for refunds, over the
// packets the user sent): 0.3 µs an entry, seldom, instead of 5 µs at every voucher, always.
//
// Threads: as the port says. Errors: kStorage with MariaDB's words.
#pragma once

#include <memory>
#include <string>

#include "adapters/mariadb/reader_pool.h"
#include "adapters/mariadb/schema.h"
#include "adapters/mariadb/writer.h"
#include "ports/inbox_store.h"

namespace hongbao::mariadb {

class InboxStore final : public hongbao::InboxStore {
 public:
  static constexpr size_t kConnections = 1 + kReadersPerStore;  // opened at most

  // kConfig: the database is missing or of another version.
  static Result<std::unique_ptr<InboxStore>> open(const Server& server, const DatabaseName& database);

  Result<bool> apply(const InboxBatch& batch) override;
  Result<VoucherNo> cursor(ShardId shard) override;
  Result<std::vector<SentEntry>> sent(const UserId& user, ListPosition before, size_t entries_max) override;
  Result<std::vector<ReceivedEntry>> received(const UserId& user, ListPosition before, size_t entries_max) override;
  Result<YearSummary> summary(const UserId& user, int year) override;

 private:
  // The follower's connection.
  class Session {
   public:
    explicit Session(Database opened);
    bool apply(const InboxBatch& batch);
    void rollback() { database_.rollback(); }

   private:
    VoucherNo lock_cursor(ShardId shard);

    Database database_;
    Statement insert_cursor_;
    Statement select_cursor_;
    Statement update_cursor_;
    Statement insert_sent_;
    Statement set_refunded_;
    Statement insert_received_;
  };
  struct Reader {
    explicit Reader(Database opened);
    Database database;
    Statement cursor;
    Statement sent;
    Statement received;
    Statement sent_total;
    Statement refunded_total;
    Statement received_total;
  };

  InboxStore(const Server& server, const std::string& database);
  template <class Function>
  auto read(std::string_view what, Function function);

  Writer<Session> writer_;
  ReaderPool<Reader> readers_;
};

}  // namespace hongbao::mariadb
