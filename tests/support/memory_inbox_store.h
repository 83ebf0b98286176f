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
  Result<std::vector<SentEntry>> sent(const UserId& user, ListPosition before, size_t entries_max) override;
  Result<std::vector<ReceivedEntry>> received(const UserId& user, ListPosition before, size_t entries_max) override;
  Result<YearSummary> summary(const UserId& user, int year) override;

 private:
  void apply(const Voucher& voucher);

  std::mutex mutex_;
  std::map<ShardId, VoucherNo> cursors_;
  std::map<UserId, std::map<ListPosition, SentEntry>> sent_;
  std::map<UserId, std::map<ListPosition, ReceivedEntry>> received_;
  std::map<PacketKey, std::pair<UserId, ListPosition>> sent_by_packet_;
  std::map<std::pair<UserId, int>, YearSummary> years_;
};

}  // namespace hongbao
