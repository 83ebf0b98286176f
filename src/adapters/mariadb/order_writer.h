// The one connection that writes a shard's database. Made by `acquire`, and dropped after an error, so that the server
// rolls back what it began.
//
// Threads: the shard's writer. Errors: MariadbError; after one the outcome is unknown until the next `acquire`.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/mariadb/database.h"
#include "ports/order_store.h"

namespace hongbao::mariadb {

class OrderWriter {
 public:
  OrderWriter(Server server, std::string database) : server_(std::move(server)), name_(std::move(database)) {}

  // Or the name of the owner whose lease stands. A commit that an earlier connection left on its way holds the head's
  // row until it has landed or was rolled back, and this waits for it.
  std::expected<ShardHead, std::string> acquire(const ShardOwner& owner, std::chrono::milliseconds lease);
  // False: the head has another epoch.
  bool renew(uint32_t epoch);
  void release(uint32_t epoch);
  // False: fenced, nothing was written.
  bool commit(const CommitBatch& batch);

  void drop_connection() { session_.reset(); }
  // Parts may have moved: the next commit looks where its rows belong.
  void forget_days();

 private:
  struct DayStatements {
    Statement insert_packet;
    Statement insert_voucher;
    Statement finish;
  };
  struct Session {
    explicit Session(Database opened);
    Database database;
    Statement raise_epoch;
    Statement read_head;
    Statement renew;
    Statement release;
    Statement advance_head;
    Statement latest_part;
    std::map<Day, DayStatements> days;
  };
  // Connects when there is no connection.
  Session& session();
  // The day's hot part, begun when there is none, which ends a transaction: call it before one begins.
  void prepare(Day day);
  DayPart hot_part(Day day);
  void prepare_days(const CommitBatch& batch);
  void write(const CommitBatch& batch);

  const Server server_;
  const std::string name_;
  std::optional<Session> session_;
};

}  // namespace hongbao::mariadb
