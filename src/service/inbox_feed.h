// Feeds the inbox from every shard's log; its cursor is one transaction with what it writes. After the commit it tells
// the cache which lists have changed. `step` may be called without the thread, by a simulator.
#pragma once

#include "service/follow_loop.h"
#include "service/inbox_heads.h"
#include "service/log_follower.h"

namespace hongbao {

class InboxFeed {
 public:
  // `heads`: null when lists are not cached.
  InboxFeed(const VoucherLogs& logs, VoucherStream& stream, InboxStore& store, InboxHeads* heads, OwnsShard owns,
            size_t batch_vouchers_max);

  Result<void> prepare();
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
  const OwnsShard owns_;
  FollowLoop loop_;
};

}  // namespace hongbao
