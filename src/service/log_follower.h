// Follows one shard's voucher log for a consumer that keeps a cursor in its own database. The stream may lose, repeat
// or delay; what comes out here is exactly the log from the cursor on. One thread: the consumer's.
#pragma once

#include <optional>
#include <vector>

#include "ports/voucher_log.h"
#include "ports/voucher_stream.h"
#include "service/ownership.h"

namespace hongbao {

class LogFollower {
 public:
  LogFollower(Follower follower, ShardId shard, VoucherStream& stream, VoucherLog& log, size_t vouchers_max)
      : follower_(follower), shard_(shard), stream_(stream), log_(log), vouchers_max_(vouchers_max) {}

  // The shard's owner: what it publishes is believed, and what another one did is read from the log.
  void believe(Term term) { term_ = term; }
  // To where the consumer's database says it is.
  void seek(VoucherNo cursor) { cursor_ = cursor; }
  // The consumer has committed what it made of the next `vouchers`. REQUIRES: has_place().
  void advance(size_t vouchers) {
    cursor_ = cursor() + vouchers;
    stream_.acknowledge(follower_, shard_, *cursor_);
  }
  // What the consumer wrote was refused, or its outcome is unknown: only its database knows where it is.
  void lose_place() { cursor_.reset(); }
  // Another process follows the shard now.
  void leave() {
    if (has_place()) {
      stream_.leave(follower_, shard_);
      lose_place();
    }
  }

  // The vouchers at the cursor, at most vouchers_max, without a gap; empty at the end of the log. With `from_log` an
  // empty stream, or one that is down, is not believed, and the log itself is asked. REQUIRES: has_place().
  Result<std::vector<Voucher>> next(bool from_log);

  [[nodiscard]] ShardId shard() const { return shard_; }
  [[nodiscard]] bool has_place() const { return cursor_.has_value(); }
  [[nodiscard]] VoucherNo cursor() const { return cursor_.value(); }

 private:
  const Follower follower_;
  const ShardId shard_;
  VoucherStream& stream_;
  VoucherLog& log_;
  const size_t vouchers_max_;
  Term term_;
  std::optional<VoucherNo> cursor_;
};

// Seeks the followers that have no place to the cursor that their consumer keeps in `store`. Afterwards those of the
// shards that this process follows have one, and no others.
template <class Store>
Result<void> find_places(std::vector<LogFollower>& followers, Store& store, const Ownership& ownership) {
  for (LogFollower& follower : followers) {
    const auto term = ownership.followed_term(follower.shard());
    if (!term) {
      follower.leave();
      continue;
    }
    follower.believe(*term);
    if (follower.has_place()) {
      continue;
    }
    const auto cursor = store.cursor(follower.shard());
    if (!cursor) {
      return std::unexpected(cursor.error());
    }
    follower.seek(*cursor);
  }
  return {};
}

}  // namespace hongbao
