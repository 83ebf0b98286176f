// The inbox store: who sent and received what, with yearly totals. For display, not money: it follows the voucher log
// by cursor and may lag.
//
// Threads: `apply` is called by a process's one inbox follower, and several processes may apply at once; every other
// function from any thread. `apply` may be repeated after an error.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "core/list_position.h"
#include "core/voucher.h"

namespace hongbao {

// A piece of one shard's log, numbered from, from+1, …; its cursor moves to the end in the same transaction.
struct InboxBatch {
  ShardId shard;
  VoucherNo from;  // must be where the cursor is, else nothing is applied
  std::vector<Voucher> vouchers;
};

struct SentEntry {
  PacketKey packet;
  Money total;
  Money refunded;  // 0 until an unclaimed rest came back
  Timestamp paid_at;
  VoucherNo voucher;

  [[nodiscard]] ListPosition position() const { return {paid_at, VoucherTie::of(packet.shard, voucher)}; }
};

struct ReceivedEntry {
  PacketKey packet;
  uint32_t seq = 0;
  Money amount;
  Timestamp opened_at;
  VoucherNo voucher;

  [[nodiscard]] ListPosition position() const { return {opened_at, VoucherTie::of(packet.shard, voucher)}; }
};

// A calendar year in UTC+8.
struct YearSummary {
  uint64_t sent_count = 0;
  Money sent_total;
  Money refunded_total;
  uint64_t received_count = 0;
  Money received_total;
};

class InboxStore {
 public:
  virtual ~InboxStore() = default;

  // False: the cursor was elsewhere and nothing was applied.
  virtual Result<bool> apply(const InboxBatch& batch) = 0;
  virtual Result<VoucherNo> cursor(ShardId shard) = 0;

  // By position, newest first, with position < before: in the order in which things happened, whichever shard was
  // followed first. A page does not shift when others arrive. One that happened before, and is followed later, stands
  // where it belongs: readers whose pages are beyond that place don't see it, and nobody sees one twice.
  virtual Result<std::vector<SentEntry>> sent(const UserId& user, ListPosition before, size_t entries_max) = 0;
  virtual Result<std::vector<ReceivedEntry>> received(const UserId& user, ListPosition before, size_t entries_max) = 0;
  virtual Result<YearSummary> summary(const UserId& user, int year) = 0;
};

}  // namespace hongbao
