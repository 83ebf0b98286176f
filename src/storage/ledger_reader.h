// One connection for reading the ledger, with its queries. Each function reads one snapshot. `Engine` is as in
// storage/order_day.h, with
//   LedgerQueries   made from a Database& that outlives it: what the engine stores or asks otherwise
//     vector<WalletTransfer> transfers(account, before, transfers_max), vector<PacketKey> unpaid(packets)
//                                        as the port says; the first reads by `read_wallet_transfers`
//     kTransferColumns, static Transfer read_transfer(rows, first)
//     static transfer_key(id), transfer_id(key)   an id as it is stored, and back
//     kCursorTable, kTransferAmount      SQL: the cursors' table, and a transfer's amount
//     kFrozen                            SQL: the table of the ids of frozen accounts, and WHERE
//     static std::string sum(expression) SQL: the sum of an integer; 0 over no rows
//
// Threads: one at a time (ReaderPool). Errors: Engine::Error, DamagedRow.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ports/ledger_store.h"
#include "storage/stored_ledger.h"

namespace hongbao {

// The rows of `transfers`: kTransferColumns, read by `read`, and the transfer's number.
template <class Rows, class Read>
std::vector<WalletTransfer> read_wallet_transfers(Rows rows, Read read) {
  std::vector<WalletTransfer> transfers;
  while (rows.next()) {
    transfers.push_back({.no = rows.count(9), .transfer = read(rows, 0)});
  }
  return transfers;
}

template <class Engine>
class LedgerReader {
 public:
  using Database = typename Engine::Database;
  using Statement = typename Engine::Statement;
  using Rows = typename Engine::Rows;
  using Queries = typename Engine::LedgerQueries;

  explicit LedgerReader(Database database);

  Account account(const AccountId& id);
  std::optional<Transfer> transfer(std::string_view id);
  std::vector<WalletTransfer> transfers(const AccountId& account, ListPosition before, size_t transfers_max) {
    return queries_.transfers(account, before, transfers_max);
  }
  std::vector<UserId> frozen(size_t users_max);
  VoucherNo cursor(ShardId shard);
  std::vector<PacketKey> unpaid(const std::vector<PacketKey>& packets) { return queries_.unpaid(packets); }
  std::vector<PendingPayment> pending(ShardId shard, Timestamp until, size_t payments_max);
  std::vector<DeferredTransfer> deferred(ShardId shard, Timestamp now, size_t transfers_max);
  LedgerTotals totals(const std::vector<ShardId>& shards);

 private:
  struct SumAndCount {
    Money sum;
    uint64_t count = 0;
  };
  void add_accounts(LedgerTotals& totals);
  void add_transfers(LedgerTotals& totals);
  void add_dues(LedgerTotals& totals);
  LedgerTotals::Shard shard_totals(ShardId shard);
  SumAndCount amounts(std::string_view from, ShardId shard);

  Database database_;
  Queries queries_{database_};
  Statement account_;
  Statement frozen_;
  Statement transfer_;
  Statement cursor_;
  Statement pending_;
  Statement deferred_;
};

template <class Engine>
LedgerReader<Engine>::LedgerReader(Database database)
    : database_(std::move(database)),
      account_(database_.prepare("SELECT debits_posted, credits_posted, frozen FROM account WHERE id = ?")),
      frozen_(database_.prepare(
          fmt::format("SELECT id FROM {} AND id >= 'user:' AND id < 'user;' ORDER BY id LIMIT ?", Queries::kFrozen))),
      transfer_(database_.prepare(fmt::format("SELECT {} FROM transfer WHERE id = ?", Queries::kTransferColumns))),
      cursor_(database_.prepare(fmt::format("SELECT next_voucher FROM {} WHERE shard = ?", Queries::kCursorTable))),
      pending_(database_.prepare(
          "SELECT shard, day, local, amount, pay_token, at, transfer_id FROM payment WHERE settled = 0 AND "
          "shard = ? AND at <= ? ORDER BY at, day, local LIMIT ?")),
      deferred_(database_.prepare(fmt::format("SELECT {}, reason, attempts, next_at FROM deferred_transfer WHERE "
                                              "shard = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?",
                                              kPlainTransferColumns))) {}

template <class Engine>
Account LedgerReader<Engine>::account(const AccountId& id) {
  Rows rows = account_.query(id.text());
  return rows.next() ? read_account(id, rows, 0) : Account{.id = id};
}

template <class Engine>
std::vector<UserId> LedgerReader<Engine>::frozen(size_t users_max) {
  Rows rows = frozen_.query(limit_of(users_max));
  std::vector<UserId> users;
  while (rows.next()) {
    users.push_back(AccountId::trusted(std::string(rows.text(0))).owner());
  }
  return users;
}

template <class Engine>
std::optional<Transfer> LedgerReader<Engine>::transfer(std::string_view id) {
  Rows rows = transfer_.query(Queries::transfer_key(id));
  return rows.next() ? std::optional(Queries::read_transfer(rows, 0)) : std::nullopt;
}

template <class Engine>
VoucherNo LedgerReader<Engine>::cursor(ShardId shard) {
  return read_cursor(cursor_.query(shard));
}

template <class Engine>
std::vector<PendingPayment> LedgerReader<Engine>::pending(ShardId shard, Timestamp until, size_t payments_max) {
  Rows rows = pending_.query(shard, until, limit_of(payments_max));
  std::vector<PendingPayment> payments;
  while (rows.next()) {
    payments.push_back({.packet = read_packet_key(rows, 0),
                        .transfer_id = Queries::transfer_id(rows.text(6)),
                        .amount = rows.money(3),
                        .pay_token = std::string(rows.text(4)),
                        .at = {rows.integer(5)}});
  }
  return payments;
}

template <class Engine>
std::vector<DeferredTransfer> LedgerReader<Engine>::deferred(ShardId shard, Timestamp now, size_t transfers_max) {
  Rows rows = deferred_.query(shard, now, limit_of(transfers_max));
  std::vector<DeferredTransfer> transfers;
  while (rows.next()) {
    transfers.push_back({.transfer = read_plain_transfer(rows, 0, Queries::transfer_id(rows.text(0))),
                         .reason = static_cast<TransferVerdict>(rows.integer(9)),
                         .attempts = static_cast<uint32_t>(rows.integer(10)),
                         .next_at = {rows.integer(11)}});
  }
  return transfers;
}

template <class Engine>
LedgerTotals LedgerReader<Engine>::totals(const std::vector<ShardId>& shards) {
  const typename Engine::Snapshot snapshot(database_);
  LedgerTotals totals;
  add_accounts(totals);
  add_transfers(totals);
  add_dues(totals);
  for (const ShardId shard : shards) {
    totals.shards.push_back(shard_totals(shard));
  }
  return totals;
}

template <class Engine>
void LedgerReader<Engine>::add_accounts(LedgerTotals& totals) {
  // The sum is over the accounts alone: it must come out as 0 without help from the transfers.
  Statement statement = database_.prepare(
      fmt::format("SELECT COUNT(*), {}, {}, {}, {} FROM account", Queries::sum("credits_posted - debits_posted"),
                  Queries::sum("debits_posted"), Queries::sum("credits_posted"),
                  Queries::sum("credits_posted < debits_posted AND id NOT LIKE 'channel:%' AND id NOT LIKE 'due:%'")));
  Rows rows = statement.query();
  require_row(rows, "a sum is one row");
  totals.accounts = rows.count(0);
  totals.sum_over_accounts = rows.money(1);
  totals.debits_posted = rows.money(2);
  totals.credits_posted = rows.money(3);
  totals.accounts_negative = rows.count(4);
}

template <class Engine>
void LedgerReader<Engine>::add_transfers(LedgerTotals& totals) {
  Statement statement =
      database_.prepare(fmt::format("SELECT COUNT(*), {} FROM transfer", Queries::sum(Queries::kTransferAmount)));
  Rows rows = statement.query();
  require_row(rows, "a sum is one row");
  totals.transfers = rows.count(0);
  totals.sum_over_transfers = rows.money(1);
}

template <class Engine>
void LedgerReader<Engine>::add_dues(LedgerTotals& totals) {
  Statement statement = database_.prepare(
      "SELECT id, credits_posted - debits_posted FROM account WHERE id >= 'due:' AND id < 'due;' ORDER BY id");
  Rows rows = statement.query();
  while (rows.next()) {
    const auto ledger = AccountId::trusted(std::string(rows.text(0))).creditor();
    require_sound(ledger.has_value(), "what is due is due to a ledger");
    totals.dues.emplace(*ledger, rows.money(1));
  }
}

template <class Engine>
LedgerTotals::Shard LedgerReader<Engine>::shard_totals(ShardId shard) {
  const auto pending = amounts("payment WHERE settled = 0 AND shard = ?", shard);
  const auto deferred = amounts("deferred_transfer WHERE shard = ?", shard);
  return {.shard = shard,
          .cursor = cursor(shard),
          .escrow = account(AccountId::escrow(shard)).balance(),
          .pending = pending.sum,
          .pending_count = pending.count,
          .deferred = deferred.sum,
          .deferred_count = deferred.count};
}

template <class Engine>
typename LedgerReader<Engine>::SumAndCount LedgerReader<Engine>::amounts(std::string_view from, ShardId shard) {
  Statement statement = database_.prepare(fmt::format("SELECT {}, COUNT(*) FROM {}", Queries::sum("amount"), from));
  Rows rows = statement.query(shard);
  require_row(rows, "a sum is one row");
  return {rows.money(0), rows.count(1)};
}

}  // namespace hongbao
