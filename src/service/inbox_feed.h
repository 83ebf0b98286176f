// Feeds the inbox from every shard's log; its cursor is one transaction with what it writes. After the commit it tells
// the cache which lists have changed. `step` may be called without the thread, by a simulator. `start` and `stop`: the
// owner. `prepare` and `step`: one thread at a time, and not beside the loop.
#pragma once

#include "service/follow_loop.h"
#include "service/inbox_heads.h"
#include "service/log_follower.h"

namespace hongbao {

class InboxFeed {
 public:
  // `heads`: null when lists are not cached.
  InboxFeed(const VoucherLogs& logs, VoucherStream& stream, InboxStore& store, InboxHeads* heads,
            const Ownership& ownership, size_t batch_vouchers_max);

  // Reads the cursors. Call before the first `step`. Errors: those of the inbox's store.
  Result<void> prepare();
  // One round over the shards that this process follows. Returns how many vouchers the inbox took; blocks on stores.
  // `from_log`: asks the order stores as well when the stream has nothing. Errors: those of stores, when nothing else
  // was to be done; a shard whose log can't be read holds up no other.
  Result<size_t> step(bool from_log);

  // `busy`: true while users wait for their opens; see FollowLoop.
  void start(FollowLoop::Busy busy) { loop_.start(std::move(busy)); }
  void stop() { loop_.stop(); }

 private:
  Result<size_t> step_all(bool from_log);
  Result<size_t> step(LogFollower& follower, bool from_log);

  std::vector<LogFollower> followers_;
  InboxStore& store_;
  InboxHeads* const heads_;
  const Ownership& ownership_;
  FollowLoop loop_;
};

}  // namespace hongbao
