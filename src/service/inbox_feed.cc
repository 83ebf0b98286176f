#include "service/inbox_feed.h"

namespace hongbao {

InboxFeed::InboxFeed(const std::map<ShardId, OrderStore*>& logs, VoucherStream& stream, InboxStore& store,
                     size_t batch_vouchers_max)
    : store_(store), loop_("inbox", stream, batch_vouchers_max, [this](bool from_log) { return step(from_log); }) {
  for (const auto& [shard, log] : logs) {
    followers_.emplace_back(shard, stream, *log, batch_vouchers_max);
  }
}

Result<void> InboxFeed::prepare() {
  return find_places(followers_, store_);
}

Result<size_t> InboxFeed::step(bool from_log) {
  if (auto found = prepare(); !found) {
    return std::unexpected(found.error());
  }
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
  follower.lose_place();
  return applied ? Result<size_t>(0) : std::unexpected(applied.error());
}

}  // namespace hongbao
