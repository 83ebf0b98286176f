// An order store in memory, for tests and simulation: the port's contract in its plainest form. Nothing is durable.
//
// Threads: any, by one mutex.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <vector>

#include "ports/order_store.h"

namespace hongbao {

class MemoryOrderStore final : public OrderStore {
 public:
  explicit MemoryOrderStore(ShardId shard) : shard_(shard) {}

  Result<ShardHead> acquire(std::string_view owner) override;
  CommitOutcome commit(const CommitBatch& batch) override;
  Result<ShardHead> head() override;
  Result<std::optional<StoredPacket>> load(const PacketKey& packet) override;
  Result<std::vector<Voucher>> read_log(VoucherNo from, size_t vouchers_max) override;
  Result<std::vector<PacketKey>> due(Timestamp now, size_t packets_max) override;
  Result<OrderTotals> totals(VoucherNo since) override;
  Result<std::vector<PacketViolation>> violations(size_t max) override;

 private:
  struct Packet {
    Order order;
    PacketState state = PacketState::kActive;
    std::vector<size_t> vouchers;  // places in the log
  };
  void append(const Voucher& voucher);

  const ShardId shard_;
  std::mutex mutex_;
  ShardHead head_;
  std::map<PacketKey, Packet> packets_;
  std::vector<Voucher> log_;  // voucher `no` is at no−1
  std::set<std::tuple<PacketKey, VoucherKind, UserId>> unique_;
};

}  // namespace hongbao
