// Moves old days of the shards that are owned here to cold storage: those whose packets have all finished, and whose
// vouchers the ledger and the inbox have. Works slowly, and stands still while users wait for their opens.
//
// `step`: one thread. `interrupt`, `status`: any.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "base/clock.h"
#include "base/metrics.h"
#include "ports/inbox_store.h"
#include "service/ledger_set.h"
#include "service/shard_set.h"

namespace hongbao {

struct ArchiverOptions {
  int32_t hot_days = 0;         // today is the first of them
  uint32_t rows_per_s_max = 0;  // of all that is read and written for a move
};

// Of the last round, or the one that runs.
struct ArchiveStatus {
  bool running = false;
  Timestamp at;          // when it began; 0: there was none
  uint64_t moved = 0;    // days of a shard
  uint64_t waiting = 0;  // old enough, but a packet is active or a voucher not settled
  uint64_t failed = 0;   // tried again in the next round
};

class Archiver {
 public:
  // True while users wait.
  using Busy = std::function<bool()>;

  Archiver(const ShardSet& shards, const std::map<ShardId, OrderStore*>& stores, const LedgerSet& ledgers,
           InboxStore& inbox, const Clock& clock, ArchiverOptions options, Busy busy, prometheus::Registry& registry);

  // One round over all old days. Takes as long as there are rows to move.
  void step();
  // Ends the round that runs at its next piece, and all later ones at once.
  void interrupt();

  [[nodiscard]] ArchiveStatus status() const;
  [[nodiscard]] const ArchiverOptions& options() const { return options_; }

 private:
  void step(ShardId shard, OrderStore& store);
  void move(ShardId shard, OrderStore& store, Day day);
  // Vouchers below this number are settled and listed.
  Result<VoucherNo> followed_to(ShardId shard);
  // After each piece: pauses, and tells whether to go on.
  bool go_on();
  void count(uint64_t ArchiveStatus::* what);

  const ShardSet& shards_;
  const std::map<ShardId, OrderStore*> stores_;
  const LedgerSet& ledgers_;
  InboxStore& inbox_;
  const Clock& clock_;
  const ArchiverOptions options_;
  const Busy busy_;
  prometheus::Counter& moved_;
  prometheus::Counter& failed_;
  mutable std::mutex mutex_;
  std::condition_variable interrupted_;
  bool interrupt_ = false;  // guarded by mutex_
  ArchiveStatus status_;    // guarded by mutex_
};

}  // namespace hongbao
