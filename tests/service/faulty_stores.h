// Stores that do as they are told: pass everything on, or fail, stall, or lie. Any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "ports/ledger_store.h"
#include "ports/order_store.h"

namespace hongbao {

class FaultyLedgerStore final : public LedgerStore {
 public:
  explicit FaultyLedgerStore(LedgerStore& inner) : inner_(inner) {}

  // The next `count` commits fail; with `after`, their effects stay all the same.
  void fail_commits(int count, bool after = false);
  // Commits wait until `release`.
  void hold();
  void release();
  // Called with every commit that is tried.
  void on_commit(std::function<void(const LedgerBatch&)> observer);
  // Commits that it says yes to contradict what is stored.
  std::function<bool(const LedgerBatch&)> damaged{};
  // What `totals` says is passed through this.
  std::function<void(LedgerTotals&)> tamper{};
  [[nodiscard]] int commits() const;

  Result<LedgerResult> commit(const LedgerBatch& batch) override;
  Result<void> set_frozen(const AccountId& account, bool frozen) override { return inner_.set_frozen(account, frozen); }
  // True: it does not say who is frozen.
  bool frozen_is_unreadable = false;
  Result<std::vector<UserId>> frozen(size_t users_max) override {
    return frozen_is_unreadable ? fail(ErrorCode::kStorage, "told to fail") : inner_.frozen(users_max);
  }
  Result<Account> account(const AccountId& account) override { return inner_.account(account); }
  Result<std::optional<Transfer>> transfer(std::string_view id) override { return inner_.transfer(id); }
  Result<std::vector<WalletTransfer>> transfers(const AccountId& account, ListPosition before, size_t max) override {
    return inner_.transfers(account, before, max);
  }
  Result<VoucherNo> cursor(ShardId shard) override { return inner_.cursor(shard); }
  Result<std::vector<PacketKey>> unpaid(const std::vector<PacketKey>& packets) override {
    return inner_.unpaid(packets);
  }
  Result<std::vector<PendingPayment>> pending(ShardId shard, Timestamp until, size_t max) override {
    return inner_.pending(shard, until, max);
  }
  Result<std::vector<DeferredTransfer>> deferred(ShardId shard, Timestamp now, size_t max) override {
    return inner_.deferred(shard, now, max);
  }
  Result<LedgerTotals> totals(const std::vector<ShardId>& shards) override;

 private:
  LedgerStore& inner_;
  mutable std::mutex mutex_;
  std::condition_variable released_;
  bool held_ = false;
  int failures_ = 0;
  bool fail_after_ = false;
  int commits_ = 0;
  std::function<void(const LedgerBatch&)> observer_;
};

class TamperedOrderStore final : public OrderStore {
 public:
  explicit TamperedOrderStore(OrderStore& inner) : inner_(inner) {}

  std::function<void(OrderTotals&)> tamper{};
  std::vector<PacketViolation> found{};
  bool log_is_unreadable = false;

  Result<ShardHead> acquire(const ShardOwner& owner, std::chrono::milliseconds lease) override {
    return inner_.acquire(owner, lease);
  }
  Result<bool> renew(uint32_t epoch) override { return inner_.renew(epoch); }
  Result<void> release(uint32_t epoch) override { return inner_.release(epoch); }
  CommitOutcome commit(const CommitBatch& batch) override { return inner_.commit(batch); }
  Result<ShardHead> head() override { return inner_.head(); }
  Result<ShardTenure> tenure() override { return inner_.tenure(); }
  Result<std::optional<StoredPacket>> load(const PacketKey& packet) override { return inner_.load(packet); }
  Result<std::vector<Voucher>> read_log(VoucherNo from, size_t max) override {
    return log_is_unreadable ? fail(ErrorCode::kStorage, "told to fail") : inner_.read_log(from, max);
  }
  Result<std::vector<PacketKey>> due(Timestamp now, size_t max) override { return inner_.due(now, max); }
  Result<OrderTotals> totals(VoucherNo since) override;
  Result<std::vector<PacketViolation>> violations(size_t) override { return found; }
  Result<std::vector<StoredDay>> days() override { return inner_.days(); }
  Result<bool> archive(uint32_t epoch, Day day, const GoOn& go_on) override {
    return inner_.archive(epoch, day, go_on);
  }

 private:
  OrderStore& inner_;
};

}  // namespace hongbao
