#include "adapters/sqlite/ledger_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "adapters/sqlite/ledger_rows.h"
#include "base/check.h"
#include "storage/stored_ledger.h"

namespace hongbao {
namespace {

// SQLite counts in int64.
uint64_t clamp(uint64_t value) {
  return std::min<uint64_t>(value, std::numeric_limits<int64_t>::max());
}

struct SumAndCount {
  Money sum;
  uint64_t count = 0;
};

SumAndCount read_sum(Database& database, std::string_view sql, ShardId shard) {
  Statement statement = database.prepare(sql);
  Rows rows = statement.query(shard);
  CHECK(rows.next());
  return {rows.money(0), rows.count(1)};
}

}  // namespace

SqliteLedgerReader::SqliteLedgerReader(Database database)
    : database_(std::move(database)),
      account_(database_.prepare("SELECT debits_posted, credits_posted, frozen FROM account WHERE id = ?")),
      transfer_(database_.prepare(fmt::format("SELECT {} FROM transfer WHERE id = ?", kTransferColumns))),
      wallet_transfers_(database_.prepare(fmt::format(
          "SELECT position, {} FROM transfer WHERE wallet = ? AND (at, position) < (?, ?) ORDER BY at DESC, "
          "position DESC LIMIT ?",
          kTransferColumns))),
      // Escrows and channels have no index: operators ask for them seldom, and nearly every row matches.
      other_transfers_(database_.prepare(fmt::format(
          "SELECT position, {} FROM transfer WHERE (debit = ?1 OR credit = ?1) AND (at, position) < (?2, ?3) "
          "ORDER BY at DESC, position DESC LIMIT ?4",
          kTransferColumns))),
      cursor_(database_.prepare("SELECT next_voucher FROM cursor WHERE shard = ?")),
      payment_(database_.prepare("SELECT 1 FROM payment WHERE shard = ? AND day = ? AND local = ?")),
      pending_(database_.prepare("SELECT shard, day, local, amount, pay_token, at FROM payment WHERE settled = 0 AND "
                                 "shard = ? AND at <= ? ORDER BY at, day, local LIMIT ?")),
      deferred_(database_.prepare(fmt::format("SELECT {}, reason, attempts, next_at FROM deferred_transfer WHERE "
                                              "shard = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?",
                                              kTransferColumns))) {}

Account SqliteLedgerReader::account(const AccountId& id) {
  Rows rows = account_.query(id.text());
  return rows.next() ? read_account(id, rows, 0) : Account{.id = id};
}

std::optional<Transfer> SqliteLedgerReader::transfer(std::string_view id) {
  Rows rows = transfer_.query(id);
  return rows.next() ? std::optional(read_transfer(rows, 0)) : std::nullopt;
}

std::vector<WalletTransfer> SqliteLedgerReader::transfers(const AccountId& account, ListPosition before,
                                                          size_t transfers_max) {
  Statement& statement = account.is_user() ? wallet_transfers_ : other_transfers_;
  Rows rows = statement.query(account.text(), before.at, before.tie, clamp(transfers_max));
  std::vector<WalletTransfer> transfers;
  while (rows.next()) {
    transfers.push_back({.no = rows.count(0), .transfer = read_transfer(rows, 1)});
  }
  return transfers;
}

VoucherNo SqliteLedgerReader::cursor(ShardId shard) {
  Rows rows = cursor_.query(shard);
  return rows.next() ? VoucherNo{rows.count(0)} : VoucherNo{};
}

std::vector<PacketKey> SqliteLedgerReader::unpaid(const std::vector<PacketKey>& packets) {
  std::vector<PacketKey> unpaid;
  for (const PacketKey& packet : packets) {
    Rows rows = payment_.query(packet.shard, packet.day, packet.local);
    if (!rows.next()) {
      unpaid.push_back(packet);
    }
  }
  return unpaid;
}

std::vector<PendingPayment> SqliteLedgerReader::pending(ShardId shard, Timestamp until, size_t payments_max) {
  Rows rows = pending_.query(shard, until, clamp(payments_max));
  std::vector<PendingPayment> payments;
  while (rows.next()) {
    payments.push_back({.packet = read_packet_key(rows, 0),
                        .amount = rows.money(3),
                        .pay_token = std::string(rows.text(4)),
                        .at = {rows.integer(5)}});
  }
  return payments;
}

std::vector<DeferredTransfer> SqliteLedgerReader::deferred(ShardId shard, Timestamp now, size_t transfers_max) {
  Rows rows = deferred_.query(shard, now, clamp(transfers_max));
  std::vector<DeferredTransfer> transfers;
  while (rows.next()) {
    transfers.push_back({.transfer = read_transfer(rows, 0),
                         .reason = static_cast<TransferVerdict>(rows.integer(9)),
                         .attempts = static_cast<uint32_t>(rows.integer(10)),
                         .next_at = {rows.integer(11)}});
  }
  return transfers;
}

LedgerTotals SqliteLedgerReader::totals(const std::vector<ShardId>& shards) {
  const Transaction snapshot(database_, Transaction::Kind::kRead);
  LedgerTotals totals;
  add_accounts(totals);
  add_transfers(totals);
  for (const ShardId shard : shards) {
    totals.shards.push_back(shard_totals(shard));
  }
  return totals;
}

void SqliteLedgerReader::add_accounts(LedgerTotals& totals) {
  // The sum is over the accounts alone: it must come out as 0 without help from the transfers.
  Statement statement = database_.prepare(
      "SELECT count(*), coalesce(sum(credits_posted - debits_posted), 0), coalesce(sum(debits_posted), 0), "
      "coalesce(sum(credits_posted), 0), "
      "count(*) FILTER (WHERE credits_posted < debits_posted AND id NOT GLOB 'channel:*') FROM account");
  Rows rows = statement.query();
  CHECK(rows.next());
  totals.accounts = rows.count(0);
  totals.sum_over_accounts = rows.money(1);
  totals.debits_posted = rows.money(2);
  totals.credits_posted = rows.money(3);
  totals.accounts_negative = rows.count(4);
}

void SqliteLedgerReader::add_transfers(LedgerTotals& totals) {
  Statement statement = database_.prepare("SELECT count(*), coalesce(sum(amount), 0) FROM transfer");
  Rows rows = statement.query();
  CHECK(rows.next());
  totals.transfers = rows.count(0);
  totals.sum_over_transfers = rows.money(1);
}

LedgerTotals::Shard SqliteLedgerReader::shard_totals(ShardId shard) {
  const auto pending = read_sum(
      database_, "SELECT coalesce(sum(amount), 0), count(*) FROM payment WHERE settled = 0 AND shard = ?", shard);
  const auto deferred =
      read_sum(database_, "SELECT coalesce(sum(amount), 0), count(*) FROM deferred_transfer WHERE shard = ?", shard);
  return {.shard = shard,
          .cursor = cursor(shard),
          .escrow = account(AccountId::escrow(shard)).balance(),
          .pending = pending.sum,
          .pending_count = pending.count,
          .deferred = deferred.sum,
          .deferred_count = deferred.count};
}

}  // namespace hongbao
