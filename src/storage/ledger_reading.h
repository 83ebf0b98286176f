// The reading half of a ledger store, over its readers; an adapter's store derives from it and adds the writing one.
// `Engine` is as in storage/ledger_reader.h, and `ReaderPool` as in storage/order_reads.h.
//
// Threads: any. Errors: as `guard` has them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "storage/guard.h"
#include "storage/ledger_reader.h"

namespace hongbao {

template <class Engine>
class LedgerReading : public LedgerStore {
 public:
  // As the port says.
  Result<Account> account(const AccountId& account) final {
    return read("ledger_store.account", [&](Reader& reader) { return reader.account(account); });
  }
  Result<std::vector<UserId>> frozen(size_t users_max) final {
    return read("ledger_store.frozen", [&](Reader& reader) { return reader.frozen(users_max); });
  }
  Result<std::optional<Transfer>> transfer(std::string_view id) final {
    return read("ledger_store.transfer", [&](Reader& reader) { return reader.transfer(id); });
  }
  Result<std::vector<WalletTransfer>> transfers(const AccountId& account, ListPosition before,
                                                size_t transfers_max) final {
    return read("ledger_store.transfers",
                [&](Reader& reader) { return reader.transfers(account, before, transfers_max); });
  }
  Result<VoucherNo> cursor(ShardId shard) final {
    return read("ledger_store.cursor", [&](Reader& reader) { return reader.cursor(shard); });
  }
  Result<std::vector<PacketKey>> unpaid(const std::vector<PacketKey>& packets) final {
    return read("ledger_store.unpaid", [&](Reader& reader) { return reader.unpaid(packets); });
  }
  Result<std::vector<PendingPayment>> pending(ShardId shard, Timestamp until, size_t payments_max) final {
    return read("ledger_store.pending", [&](Reader& reader) { return reader.pending(shard, until, payments_max); });
  }
  Result<std::vector<DeferredTransfer>> deferred(ShardId shard, Timestamp now, size_t transfers_max) final {
    return read("ledger_store.deferred", [&](Reader& reader) { return reader.deferred(shard, now, transfers_max); });
  }
  Result<LedgerTotals> totals(const std::vector<ShardId>& shards) final {
    return read("ledger_store.totals", [&](Reader& reader) { return reader.totals(shards); });
  }

 protected:
  using Reader = LedgerReader<Engine>;
  using Readers = typename Engine::template ReaderPool<Reader>;

  // A member of the store, which is made after this and unmade before; nothing is read until it is there.
  explicit LedgerReading(Readers& readers) : readers_of_store_(readers) {}

 private:
  template <class Function>
  auto read(std::string_view what, Function function) {
    return guard<typename Engine::Error>(what, [&] { return readers_of_store_.use(function); });
  }

  Readers& readers_of_store_;
};

}  // namespace hongbao
