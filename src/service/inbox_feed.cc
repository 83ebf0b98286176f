#include "service/inbox_feed.h"

namespace hongbao {

InboxFeed::InboxFeed(const VoucherLogs& logs, VoucherStream& stream, InboxStore& store, InboxHeads* heads,
                     const Ownership& ownership, size_t batch_vouchers_max)
    : store_(store),
      heads_(heads),
      ownership_(ownership),
      loop_("inbox", stream, batch_vouchers_max, [this](bool from_log) { return step(from_log); }) {
  for (const auto& [shard, log] : logs) {
    followers_.emplace_back(Follower::kInbox, shard, stream, *log, batch_vouchers_max);
  }
}

Result<void> InboxFeed::prepare() {
  return find_places(followers_, store_, ownership_);
}

Result<size_t> InboxFeed::step(bool from_log) {
  auto taken = step_all(from_log);
  if (heads_ != nullptr) {
    heads_->erase_changed();
  }
  return taken;
}

Result<size_t> InboxFeed::step_all(bool from_log) {
  if (auto found = prepare(); !found) {
    return std::unexpected(found.error());
  }
  // A shard whose log can't be read holds up no other; its error is told when there is nothing else to do.
  size_t count = 0;
  std::optional<Error> first_error;
  for (LogFollower& follower : followers_) {
    if (!follower.has_place()) {
      continue;
    }
    const auto taken = step(follower, from_log);
    if (taken) {
      count += *taken;
    } else {
      first_error = first_error.value_or(taken.error());
    }
  }
  return count == 0 && first_error ? Result<size_t>(std::unexpected(*first_error)) : count;
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
  if (heads_ != nullptr && (!applied || *applied)) {  // an error may have come after the commit
    heads_->changed(batch.vouchers);
  }
  if (applied && *applied) {
    follower.advance(batch.vouchers.size());
    return batch.vouchers.size();
  }
  follower.lose_place();
  return applied ? Result<size_t>(0) : std::unexpected(applied.error());
}

}  // namespace hongbao
