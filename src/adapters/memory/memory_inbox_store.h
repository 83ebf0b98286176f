// An inbox store in memory, for tests and simulation: the port's contract in its plainest form. Nothing is durable.
//
// Threads: any, by one mutex.
#pragma once

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "ports/inbox_store.h"

namespace hongbao {

class MemoryInboxStore final : public InboxStore {
 public:
  Result<bool> apply(const InboxBatch& batch) override;
  Result<VoucherNo> cursor(ShardId shard) override;
  Result<std::vector<SentEntry>> sent(const UserId& user, uint64_t before, size_t entries_max) override;
  Result<std::vector<ReceivedEntry>> received(const UserId& user, uint64_t before, size_t entries_max) override;
  Result<YearSummary> summary(const UserId& user, int year) override;

 private:
  void apply(const Voucher& voucher);

  std::mutex mutex_;
  std::map<ShardId, VoucherNo> cursors_;
  uint64_t sent_position_ = 0;
  uint64_t received_position_ = 0;
  std::map<UserId, std::map<uint64_t, SentEntry>> sent_;  // by position
  std::map<UserId, std::map<uint64_t, ReceivedEntry>> received_;
  std::map<PacketKey, std::pair<UserId, uint64_t>> sent_by_packet_;
  std::map<std::pair<UserId, int>, YearSummary> years_;
};

}  // namespace hongbao
