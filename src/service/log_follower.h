// Follows one shard's voucher log for a consumer that keeps a cursor in its own database. The stream may lose, repeat
// or delay; what comes out here is exactly the log from the cursor on. One thread: the consumer's.
#pragma once

#include <optional>
#include <vector>

#include "ports/order_store.h"
#include "ports/voucher_stream.h"

namespace hongbao {

class LogFollower {
 public:
  LogFollower(ShardId shard, VoucherStream& stream, OrderStore& log, size_t vouchers_max)
      : shard_(shard), stream_(stream), log_(log), vouchers_max_(vouchers_max) {}

  // To where the consumer's database says it is.
  void seek(VoucherNo cursor) { cursor_ = cursor; }
  // What the consumer wrote was refused, or its outcome is unknown: only its database knows where it is.
  void lose_place() { cursor_.reset(); }

  // The vouchers at the cursor, at most vouchers_max, without a gap; empty at the end of the log. With `from_log` an
  // empty stream, or one that is down, is not believed, and the order store is asked. REQUIRES: has_place().
  Result<std::vector<Voucher>> next(bool from_log);

  [[nodiscard]] ShardId shard() const { return shard_; }
  [[nodiscard]] bool has_place() const { return cursor_.has_value(); }
  [[nodiscard]] VoucherNo cursor() const { return cursor_.value(); }

 private:
  const ShardId shard_;
  VoucherStream& stream_;
  OrderStore& log_;
  const size_t vouchers_max_;
  std::optional<VoucherNo> cursor_;
};

// Seeks the followers that have no place to the cursor that their consumer keeps in `store`.
template <class Store>
Result<void> find_places(std::vector<LogFollower>& followers, Store& store) {
  for (LogFollower& follower : followers) {
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
