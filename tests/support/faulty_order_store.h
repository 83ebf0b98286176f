// An order store that fails on command: wraps a real one, and lets a test decide what happens to the next commits,
// acquisitions and loads. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <utility>

#include "ports/order_store.h"

namespace hongbao {

enum class CommitFault {
  kNone,
  kLost,    // nothing is written, and the outcome is unknown
  kLanded,  // everything is written, and the outcome is unknown
};

class FaultyOrderStore final : public OrderStore {
 public:
  explicit FaultyOrderStore(OrderStore& store) : store_(store) {}

  void fail_next_commit(CommitFault fault) {
    const std::lock_guard lock(mutex_);
    faults_.push_back(fault);
  }
  void fail_next_acquires(int count) { acquires_to_fail_ = count; }
  void fail_next_renewals(int count) { renewals_to_fail_ = count; }
  void fail_next_loads(int count) { loads_to_fail_ = count; }

  // Commits and loads wait until they are released.
  void hold_commits() { set_held(commits_held_, true); }
  void release_commits() { set_held(commits_held_, false); }
  void hold_loads() { set_held(loads_held_, true); }
  void release_loads() { set_held(loads_held_, false); }
  // These packets are cold, and only loads of such wait.
  void hold_cold_loads(std::set<PacketKey> packets) {
    {
      const std::lock_guard lock(mutex_);
      cold_ = std::move(packets);
    }
    set_held(cold_loads_held_, true);
  }
  void release_cold_loads() { set_held(cold_loads_held_, false); }

  [[nodiscard]] int commits() const { return commits_; }
  [[nodiscard]] int loads() const { return loads_; }
  [[nodiscard]] int renewals() const { return renewals_; }

  Result<ShardHead> acquire(const ShardOwner& owner, std::chrono::milliseconds lease) override {
    if (acquires_to_fail_ > 0) {
      --acquires_to_fail_;
      return fail(ErrorCode::kStorage, "the test refuses");
    }
    return store_.acquire(owner, lease);
  }
  Result<bool> renew(uint32_t epoch) override {
    ++renewals_;
    if (renewals_to_fail_ > 0) {
      --renewals_to_fail_;
      return fail(ErrorCode::kStorage, "the test refuses");
    }
    return store_.renew(epoch);
  }
  Result<void> release(uint32_t epoch) override { return store_.release(epoch); }

  CommitOutcome commit(const CommitBatch& batch) override {
    ++commits_;
    wait_while(commits_held_);
    const CommitFault fault = next_fault();
    if (fault == CommitFault::kLost) {
      return CommitOutcome::kUnknown;
    }
    const CommitOutcome outcome = store_.commit(batch);
    return fault == CommitFault::kLanded && outcome == CommitOutcome::kCommitted ? CommitOutcome::kUnknown : outcome;
  }

  Result<std::optional<StoredPacket>> load(const PacketKey& packet) override {
    ++loads_;
    wait_while(is_cold(packet) ? cold_loads_held_ : loads_held_);
    if (loads_to_fail_ > 0) {
      --loads_to_fail_;
      return fail(ErrorCode::kStorage, "the test refuses");
    }
    return store_.load(packet);
  }
  Result<HotPacket> load_hot(const PacketKey& packet) override {
    return is_cold(packet) ? HotPacket{.packet = {}, .may_be_cold = true} : OrderStore::load_hot(packet);
  }

  Result<ShardHead> head() override { return store_.head(); }
  Result<ShardTenure> tenure() override { return store_.tenure(); }
  Result<std::vector<Voucher>> read_log(VoucherNo from, size_t max) override { return store_.read_log(from, max); }
  Result<std::vector<PacketKey>> due(Timestamp now, size_t max) override { return store_.due(now, max); }
  Result<OrderTotals> totals(VoucherNo since) override { return store_.totals(since); }
  Result<std::vector<PacketViolation>> violations(size_t max) override { return store_.violations(max); }
  Result<std::vector<StoredDay>> days() override { return store_.days(); }
  Result<bool> archive(uint32_t epoch, Day day, const GoOn& go_on) override {
    return store_.archive(epoch, day, go_on);
  }

 private:
  bool is_cold(const PacketKey& packet) {
    const std::lock_guard lock(mutex_);
    return cold_.contains(packet);
  }

  CommitFault next_fault() {
    const std::lock_guard lock(mutex_);
    if (faults_.empty()) {
      return CommitFault::kNone;
    }
    const CommitFault fault = faults_.front();
    faults_.pop_front();
    return fault;
  }

  void set_held(bool& held, bool value) {
    const std::lock_guard lock(mutex_);
    held = value;
    changed_.notify_all();
  }

  void wait_while(const bool& held) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !held; });
  }

  OrderStore& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<CommitFault> faults_;
  bool commits_held_ = false;
  bool loads_held_ = false;
  bool cold_loads_held_ = false;
  std::set<PacketKey> cold_;
  std::atomic<int> acquires_to_fail_{0};
  std::atomic<int> renewals_to_fail_{0};
  std::atomic<int> loads_to_fail_{0};
  std::atomic<int> commits_{0};
  std::atomic<int> loads_{0};
  std::atomic<int> renewals_{0};
};

}  // namespace hongbao
