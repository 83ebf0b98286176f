// A whole deployment in one object: memory stores, two real shards with their threads, the ledger's writer, and every
// use case, under a clock that only the test moves. Nothing runs on a schedule: settlement, reconciliation and refunds
// happen when the test says so.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/memory/log_voucher_stream.h"
#include "adapters/memory/memory_cache.h"
#include "adapters/memory/memory_control.h"
#include "service/blocking.h"
#include "service/faulty_stores.h"
#include "service/use_cases.h"
#include "support/manual_clock.h"
#include "support/memory_inbox_store.h"
#include "support/memory_ledger_store.h"
#include "support/memory_order_store.h"

namespace hongbao {

inline constexpr std::chrono::milliseconds kPayable = std::chrono::minutes(15);
inline constexpr std::chrono::milliseconds kPacketTtl = std::chrono::hours(24);
inline constexpr std::chrono::milliseconds kTicketTtl = std::chrono::seconds(60);
inline constexpr std::chrono::milliseconds kGrace = std::chrono::seconds(5);
inline constexpr std::chrono::milliseconds kDeferral = std::chrono::seconds(1);
inline constexpr std::chrono::milliseconds kDeferralMax = std::chrono::hours(1);

inline UserId user(const std::string& name) {
  return UserId::trusted(name);
}
inline SteadyTime soon(const Clock& clock) {
  return clock.steady_now() + std::chrono::seconds(30);
}

SendRequest lucky(int64_t total, uint32_t count);
SendRequest exclusive(int64_t total, const std::string& recipient);

// "" for success, else what went wrong; reads well in EXPECT_EQ.
template <class T>
std::optional<ErrorCode> error_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

class Deployment {
 public:
  explicit Deployment(size_t batch_vouchers_max = 64, uint8_t ledger_count = 1);
  ~Deployment();

  // The use cases, waited for.
  Result<PreOrder> send(const std::string& sender, const std::string& key, const SendRequest& request);
  Result<PaidPacket> pay(const std::string& payer, const PreOrder& packet);
  Result<PaidPacket> pay(const std::string& payer, const PacketKey& packet, const std::string& pay_token);
  Result<PaidPacket> accept(const PreOrder& packet, const std::string& payment_id,
                            std::optional<int64_t> amount = std::nullopt);
  Result<GrabAnswer> grab(const PacketKey& packet, const std::string& taker);
  Result<OpenAnswer> open(const PacketKey& packet, const std::string& taker, const std::string& ticket);
  Result<PacketView> view(const PacketKey& packet);  // as who has paid it
  Result<PacketView> view_as(const PacketKey& packet, const std::string& viewer);
  Result<SharesPage> shares(const PacketKey& packet, uint32_t seq, uint32_t max, const std::string& viewer = "sender");

  void deposit(const std::string& owner, int64_t amount);
  [[nodiscard]] int64_t wallet(const std::string& owner);
  // The one with the owner's wallet.
  [[nodiscard]] Ledger& ledger_of(const std::string& owner) const;
  void freeze(const std::string& owner, bool frozen);
  // In the ledger alone, as another process does.
  void set_frozen(const std::string& owner, bool frozen);

  // Shortcuts that expect success.
  PreOrder sent(const std::string& sender, const SendRequest& request);
  // Sent, and paid by a channel.
  PacketKey active(const SendRequest& request, const std::string& sender = "sender");
  OpenAnswer opened(const PacketKey& packet, const std::string& taker);

  // The cache lost which packet it gave for the key.
  void forget_send(const std::string& sender, const std::string& key);
  // Debits the wallet as `pay` does, and crashes before the activation.
  void debit_without_activation(const PreOrder& packet);
  // All vouchers there are, in every ledger; returns how many that was.
  size_t settle();
  // One round of each.
  Result<size_t> settle_once(Settler& from);
  Result<size_t> settle_once() { return settle_once(settler); }
  size_t refund();
  Result<ReconciliationReport> reconcile();
  // Drops what the shards have in memory and takes them again, as a new process would.
  void restart_shards();
  void expect_balanced(bool deep = true);
  [[nodiscard]] std::vector<Voucher> log(ShardId shard);

  ManualClock clock;
  SystemRandom random;
  prometheus::Registry registry;
  const std::vector<ShardId> shard_ids;
  std::map<ShardId, std::unique_ptr<MemoryOrderStore>> order_stores;
  std::map<ShardId, OrderStore*> orders;
  MemoryLedgerStore ledger_in_memory;
  FaultyLedgerStore ledger{ledger_in_memory};  // the first
  std::vector<std::unique_ptr<MemoryLedgerStore>> other_ledgers;
  const Ledgers all_ledgers;
  MemoryInboxStore inbox;
  MemoryCache cache;
  MemoryControl control;
  LogVoucherStream stream;
  const PacketIdCodec ids;
  const TicketCodec tickets;
  const PayTokenCodec pay_tokens;
  const Ports ports;
  ShardSet shards;
  const SoleOwner ownership{shards};
  WorkerPool workers;
  UseCases use_cases;

  // Its parts, for short.
  Ledger& first_ledger = *use_cases.ledgers.all().front();
  LedgerCommitter& writer = first_ledger.writer;
  Settler& settler = *use_cases.settlers.front();
  Refunder& refunder = use_cases.refunder;
  Reconciler& reconciler = use_cases.reconciler;
  Audit& audit = use_cases.audit;
  Profiles& profiles = use_cases.profiles;
  Residency& residency = use_cases.residency;
  Ordering& ordering = use_cases.ordering;
  Opening& opening = use_cases.opening;
  Viewing& viewing = use_cases.viewing;
  Wallets& wallets = use_cases.wallets;

 private:
  void start_shards();

  int next_key_ = 0;
};

class ServiceTest : public testing::Test {
 protected:
  Deployment at;
};

}  // namespace hongbao
