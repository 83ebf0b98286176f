// Settlement: follows every shard's log and moves the money of its vouchers in the ledger, exactly once: the transfers
// and the cursor are one transaction. Transfers that are refused are deferred and hold nothing back. `step` may be
// called without the thread, by a simulator.
#pragma once

#include <map>

#include "base/metrics.h"
#include "ports/control.h"
#include "service/follow_loop.h"
#include "service/ledger_writer.h"
#include "service/log_follower.h"

namespace hongbao {

class Settler {
 public:
  Settler(const std::map<ShardId, OrderStore*>& logs, VoucherStream& stream, LedgerStore& store, LedgerWriter& writer,
          const Control& control, size_t batch_vouchers_max, prometheus::Registry& registry);

  // Reads the cursors. Call before the first `step`.
  Result<void> prepare();
  // One round over all shards; returns how many vouchers were settled.
  Result<size_t> step(bool from_log);

  void start() { loop_.start(); }
  void stop() { loop_.stop(); }

 private:
  std::vector<LogFollower> followers_;
  LedgerStore& store_;
  LedgerWriter& writer_;
  const Control& control_;
  FollowLoop loop_;
  prometheus::Counter& settled_;
};

}  // namespace hongbao
