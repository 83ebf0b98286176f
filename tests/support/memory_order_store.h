// An order store in memory, for tests and simulation: the port's contract in its plainest form. Nothing is durable. The
// database's clock is the one it is given.
//
// Threads: any, by one mutex.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "ports/order_store.h"

namespace hongbao {

class MemoryOrderStore final : public OrderStore {
 public:
  // `clock` outlives the store.
  explicit MemoryOrderStore(ShardId shard, const Clock& clock = system_clock()) : shard_(shard), clock_(clock) {}

  Result<ShardHead> acquire(const ShardOwner& owner, std::chrono::milliseconds lease) override;
  Result<bool> renew(uint32_t epoch) override;
  Result<void> release(uint32_t epoch) override;
  CommitOutcome commit(const CommitBatch& batch) override;
  Result<ShardHead> head() override;
  Result<ShardTenure> tenure() override;
  Result<std::optional<StoredPacket>> load(const PacketKey& packet) override;
  Result<std::vector<Voucher>> read_log(VoucherNo from, size_t vouchers_max) override;
  Result<std::vector<PacketKey>> due(Timestamp now, size_t packets_max) override;
  Result<OrderTotals> totals(VoucherNo since) override;
  Result<std::vector<PacketViolation>> violations(size_t max) override;
  Result<std::vector<StoredDay>> days() override;
  Result<bool> archive(uint32_t epoch, Day day, const GoOn& go_on) override;

 private:
  struct Packet {
    Order order;
    DayPart part;
    PacketState state = PacketState::kActive;
    std::vector<size_t> vouchers;  // places in the log
  };
  void append(const Voucher& voucher);
  [[nodiscard]] DayPart hot_part(Day day) const;
  [[nodiscard]] DayTotals digest(DayPart part) const;
  void extend_lease() { lease_until_ = clock_.now() + lease_; }

  const ShardId shard_;
  const Clock& clock_;
  std::mutex mutex_;
  ShardHead head_;
  ShardOwner owner_{""};
  std::chrono::milliseconds lease_{};
  Timestamp lease_until_;
  std::map<PacketKey, Packet> packets_;
  std::set<DayPart> cold_;    // "moved" here only means that nothing of it may change
  std::vector<Voucher> log_;  // voucher `no` is at no−1
  std::set<std::tuple<PacketKey, VoucherKind, UserId>> unique_;
};

}  // namespace hongbao
