#include "service/inbox_feed.h"

namespace hongbao {

InboxFeed::InboxFeed(const std::map<ShardId, OrderStore*>& logs, VoucherStream& stream, InboxStore& store,
                     size_t batch_vouchers_max)
    : store_(store), loop_("inbox", stream, [this](bool from_log) { return step(from_log); }) {
  for (const auto& [shard, log] : logs) {
    followers_.emplace_back(shard, stream, *log, batch_vouchers_max);
  }
}

Result<void> InboxFeed::prepare() {
  return seek_to_cursors(followers_, store_);
}

Result<size_t> InboxFeed::step(bool from_log) {
  size_t count = 0;
  for (LogFollower& follower : followers_) {
    const auto taken = step(follower, from_log);
    if (!taken) {
      return taken;
    }
    count += *taken;
  }
  return count;
}

Result<size_t> InboxFeed::step(LogFollower& follower, bool from_log) {
  auto vouchers = follower.next(from_log);
  if (!vouchers) {
    return std::unexpected(vouchers.error());
  }
  if (vouchers->empty()) {
    return size_t{0};
  }
  const InboxBatch batch{follower.shard(), follower.cursor(), std::move(*vouchers)};
  const auto applied = store_.apply(batch);
  if (applied && *applied) {
    follower.seek(follower.cursor() + batch.vouchers.size());
    return batch.vouchers.size();
  }
  if (auto sought = seek_to_cursor(follower, store_); !sought) {
    return std::unexpected(sought.error());
  }
  return applied ? Result<size_t>(0) : std::unexpected(applied.error());
}

}  // namespace hongbao
