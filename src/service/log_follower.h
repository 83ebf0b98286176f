// Follows one shard's voucher log for a consumer that keeps a cursor in its own database. The stream may lose, repeat
// or delay; what comes out here is exactly the log from the cursor on. One thread: the consumer's.
#pragma once

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

  // The vouchers at the cursor, at most vouchers_max, without a gap; empty at the end of the log. With `from_log` an
  // empty stream, or one that is down, is not believed, and the order store is asked.
  Result<std::vector<Voucher>> next(bool from_log);

  [[nodiscard]] ShardId shard() const { return shard_; }
  [[nodiscard]] VoucherNo cursor() const { return cursor_; }

 private:
  const ShardId shard_;
  VoucherStream& stream_;
  OrderStore& log_;
  const size_t vouchers_max_;
  VoucherNo cursor_;
};

// To the cursor that the consumer keeps in `store`.
template <class Store>
Result<void> seek_to_cursor(LogFollower& follower, Store& store) {
  const auto cursor = store.cursor(follower.shard());
  if (!cursor) {
    return std::unexpected(cursor.error());
  }
  follower.seek(*cursor);
  return {};
}

template <class Store>
Result<void> seek_to_cursors(std::vector<LogFollower>& followers, Store& store) {
  for (LogFollower& follower : followers) {
    if (auto sought = seek_to_cursor(follower, store); !sought) {
      return sought;
    }
  }
  return {};
}

}  // namespace hongbao
