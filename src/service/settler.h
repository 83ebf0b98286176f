// Settlement: follows every shard's log and moves the money of its vouchers in one ledger, exactly once: the transfers
// and the cursor are one transaction. Transfers that are refused are deferred and hold nothing back. `step` may be
// called without the thread, by a simulator; the next one only when it has called back. `start` and `stop`: the owner.
// `prepare` and `step`: one thread at a time, and not beside the loop.
#pragma once

#include <atomic>
#include <set>

#include "base/metrics.h"
#include "ports/control.h"
#include "service/follow_loop.h"
#include "service/ledger_set.h"
#include "service/log_follower.h"

namespace hongbao {

class Settler {
 public:
  Settler(const VoucherLogs& logs, VoucherStream& stream, Ledger& ledger, const Control& control,
          const Ownership& ownership, size_t batch_vouchers_max, prometheus::Registry& registry);

  // Reads the cursors. Call before the first `step`. Errors: those of the ledger's store.
  Result<void> prepare();
  // One round over the shards that this process follows; calls back with how many vouchers were settled, inline or in
  // the ledger writer's step. `from_log`: asks the order stores as well when the stream has nothing. Errors: those of
  // stores and of LedgerCommitter::settle; a shard whose log can't be read holds up no other.
  void step(bool from_log, Done<size_t> done);

  // `busy`: true while users wait for their opens; see FollowLoop.
  void start(FollowLoop::Busy busy) { loop_.start(std::move(busy)); }
  void stop() { loop_.stop(); }
  // A shard stands still at a voucher without its payment, and will. Any thread.
  [[nodiscard]] bool has_stopped() const { return has_stopped_.load(); }

 private:
  struct Round {
    std::vector<Settlement> pieces;
    std::vector<LogFollower*> owners;  // of the pieces
    std::vector<size_t> sizes;         // vouchers in each
  };
  Result<Round> collect(bool from_log);
  Result<void> stop_at_unpaid(ShardId shard, std::vector<Voucher>& vouchers);
  size_t move_on(const Round& round, const std::vector<SettleOutcome>& outcomes);

  std::vector<LogFollower> followers_;
  Ledger& ledger_;
  const Control& control_;
  const Ownership& ownership_;
  std::set<ShardId> stopped_;  // at a voucher without its payment
  std::atomic<bool> has_stopped_{false};
  FollowLoop loop_;
  prometheus::Counter& settled_;
};

}  // namespace hongbao
