#include "adapters/mariadb/ledger_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "adapters/mariadb/ledger_rows.h"
#include "base/check.h"
#include "storage/stored_ledger.h"

namespace hongbao::mariadb {
namespace {

// Values are bound as int64.
uint64_t clamp(uint64_t value) {
  return std::min<uint64_t>(value, std::numeric_limits<int64_t>::max());
}

struct SumAndCount {
  Money sum;
  uint64_t count = 0;
};

SumAndCount read_sum(Database& database, std::string_view from, ShardId shard) {
  Statement statement =
      database.prepare(fmt::format("SELECT CAST(COALESCE(SUM(amount), 0) AS SIGNED), COUNT(*) FROM {}", from));
  Rows rows = statement.query(shard);
  CHECK(rows.next());
  return {rows.money(0), rows.count(1)};
}

}  // namespace

LedgerReader::LedgerReader(Database database)
    : database_(std::move(database)),
      account_(database_.prepare("SELECT debits_posted, credits_posted, frozen FROM account WHERE id = ?")),
      transfer_(database_.prepare(fmt::format("SELECT {} FROM transfer WHERE id = ?", kTransferColumns))),
      wallet_transfers_(database_.prepare(
          // Not (at, wallet_position) < (?, ?), of which MariaDB makes no range of the key.
          fmt::format("SELECT {}, wallet_position FROM transfer WHERE wallet = ? AND at <= ? AND (at < ? OR "
                      "wallet_position < ?) ORDER BY at DESC, wallet_position DESC LIMIT ?",
                      kTransferColumns))),
      // Escrows and channels have no index: operators ask for them seldom, and nearly every row matches.
      other_transfers_(database_.prepare(
          fmt::format("SELECT {}, position FROM (SELECT *, IF(other = ?, other_position, wallet_position) AS position "
                      "FROM transfer WHERE ? IN (wallet, other)) AS listed WHERE at <= ? AND (at < ? OR position < ?) "
                      "ORDER BY at DESC, position DESC LIMIT ?",
                      kTransferColumns))),
      cursor_(database_.prepare("SELECT next_voucher FROM settled_to WHERE shard = ?")),
      payments_(database_, "SELECT shard, day, local FROM payment WHERE (shard, day, local) IN ({})", "(?,?,?)"),
      pending_(database_.prepare("SELECT shard, day, local, amount, pay_token, at FROM payment WHERE settled = 0 AND "
                                 "shard = ? AND at <= ? ORDER BY at, day, local LIMIT ?")),
      deferred_(
          database_.prepare("SELECT id, debit, credit, amount, kind, shard, day, local, at, reason, attempts, "
                            "next_at FROM deferred_transfer WHERE shard = ? AND next_at <= ? ORDER BY next_at, id "
                            "LIMIT ?")) {}

Account LedgerReader::account(const AccountId& id) {
  Rows rows = account_.query(id.text());
  return rows.next() ? read_account(id, rows, 0) : Account{.id = id};
}

std::optional<Transfer> LedgerReader::transfer(std::string_view id) {
  Rows rows = transfer_.query(transfer_key(id));
  return rows.next() ? std::optional(read_transfer(rows, 0)) : std::nullopt;
}

std::vector<WalletTransfer> LedgerReader::transfers(const AccountId& account, ListPosition before,
                                                    size_t transfers_max) {
  const std::string& id = account.text();
  const auto& [at, tie] = before;
  Rows rows = account.is_user() ? wallet_transfers_.query(id, at, at, tie, clamp(transfers_max))
                                : other_transfers_.query(id, id, at, at, tie, clamp(transfers_max));
  std::vector<WalletTransfer> transfers;
  while (rows.next()) {
    transfers.push_back({.no = rows.count(9), .transfer = read_transfer(rows, 0)});
  }
  return transfers;
}

VoucherNo LedgerReader::cursor(ShardId shard) {
  Rows rows = cursor_.query(shard);
  return rows.next() ? VoucherNo{rows.count(0)} : VoucherNo{};
}

std::vector<PacketKey> LedgerReader::unpaid(const std::vector<PacketKey>& packets) {
  std::vector<Value> keys;
  for (const auto& [shard, day, local] : packets) {
    keys.insert(keys.end(), {to_value(shard), to_value(day), to_value(local)});
  }
  std::set<PacketKey> paid;
  payments_.query(keys, [&](const Rows& rows) { paid.insert(read_packet_key(rows, 0)); });
  std::vector<PacketKey> unpaid;
  std::ranges::copy_if(packets, std::back_inserter(unpaid),
                       [&](const PacketKey& packet) { return !paid.contains(packet); });
  return unpaid;
}

std::vector<PendingPayment> LedgerReader::pending(ShardId shard, Timestamp until, size_t payments_max) {
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

std::vector<DeferredTransfer> LedgerReader::deferred(ShardId shard, Timestamp now, size_t transfers_max) {
  Rows rows = deferred_.query(shard, now, clamp(transfers_max));
  std::vector<DeferredTransfer> transfers;
  while (rows.next()) {
    transfers.push_back({.transfer = sound_transfer({.id = transfer_id(rows.text(0)),
                                                     .debit = AccountId::trusted(std::string(rows.text(1))),
                                                     .credit = AccountId::trusted(std::string(rows.text(2))),
                                                     .amount = rows.money(3),
                                                     .kind = read_transfer_kind(rows, 4),
                                                     .packet = read_optional_packet(rows, 5),
                                                     .at = {rows.integer(8)}}),
                         .reason = static_cast<TransferVerdict>(rows.integer(9)),
                         .attempts = static_cast<uint32_t>(rows.integer(10)),
                         .next_at = {rows.integer(11)}});
  }
  return transfers;
}

LedgerTotals LedgerReader::totals(const std::vector<ShardId>& shards) {
  const Snapshot snapshot(database_);
  LedgerTotals totals;
  add_accounts(totals);
  add_transfers(totals);
  for (const ShardId shard : shards) {
    totals.shards.push_back(shard_totals(shard));
  }
  return totals;
}

void LedgerReader::add_accounts(LedgerTotals& totals) {
  // The sum is over the accounts alone: it must come out as 0 without help from the transfers.
  Statement statement = database_.prepare(
      "SELECT COUNT(*), CAST(COALESCE(SUM(credits_posted - debits_posted), 0) AS SIGNED), CAST(COALESCE("
      "SUM(debits_posted), 0) AS SIGNED), CAST(COALESCE(SUM(credits_posted), 0) AS SIGNED), CAST(COALESCE("
      "SUM(credits_posted < debits_posted AND id NOT LIKE 'channel:%'), 0) AS SIGNED) FROM account");
  Rows rows = statement.query();
  CHECK(rows.next());
  totals.accounts = rows.count(0);
  totals.sum_over_accounts = rows.money(1);
  totals.debits_posted = rows.money(2);
  totals.credits_posted = rows.money(3);
  totals.accounts_negative = rows.count(4);
}

void LedgerReader::add_transfers(LedgerTotals& totals) {
  Statement statement =
      database_.prepare("SELECT COUNT(*), CAST(COALESCE(SUM(ABS(amount)), 0) AS SIGNED) FROM transfer");
  Rows rows = statement.query();
  CHECK(rows.next());
  totals.transfers = rows.count(0);
  totals.sum_over_transfers = rows.money(1);
}

LedgerTotals::Shard LedgerReader::shard_totals(ShardId shard) {
  const auto pending = read_sum(database_, "payment WHERE settled = 0 AND shard = ?", shard);
  const auto deferred = read_sum(database_, "deferred_transfer WHERE shard = ?", shard);
  return {.shard = shard,
          .cursor = cursor(shard),
          .escrow = account(AccountId::escrow(shard)).balance(),
          .pending = pending.sum,
          .pending_count = pending.count,
          .deferred = deferred.sum,
          .deferred_count = deferred.count};
}

}  // namespace hongbao::mariadb
