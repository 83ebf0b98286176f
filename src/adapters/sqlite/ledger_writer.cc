#include "adapters/sqlite/ledger_writer.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/sqlite/ledger_rows.h"
#include "base/check.h"
#include "base/log.h"
#include "storage/stored_ledger.h"

namespace hongbao {

SqliteLedgerWriter::SqliteLedgerWriter(Database database)
    : database_(std::move(database)),
      select_account_(database_.prepare("SELECT debits_posted, credits_posted, frozen FROM account WHERE id = ?")),
      upsert_account_(database_.prepare(
          "INSERT INTO account(id, debits_posted, credits_posted, frozen) VALUES (?,?,?,0) ON CONFLICT (id) DO UPDATE "
          "SET debits_posted = excluded.debits_posted, credits_posted = excluded.credits_posted")),
      upsert_frozen_(database_.prepare("INSERT INTO account(id, debits_posted, credits_posted, frozen) VALUES "
                                       "(?,0,0,?) ON CONFLICT (id) DO UPDATE SET frozen = excluded.frozen")),
      select_transfer_(database_.prepare(fmt::format("SELECT {} FROM transfer WHERE id = ?", kTransferColumns))),
      insert_transfer_(database_.prepare(
          fmt::format("INSERT INTO transfer({}, wallet) VALUES (?,?,?,?,?,?,?,?,?,?)", kTransferColumns))),
      select_payment_(database_.prepare("SELECT send_key FROM payment WHERE shard = ? AND day = ? AND local = ?")),
      select_sent_(database_.prepare("SELECT shard, day, local FROM payment WHERE send_key = ?")),
      insert_payment_(database_.prepare("INSERT INTO payment(shard, day, local, transfer_id, amount, pay_token, at, "
                                        "send_key, settled) VALUES (?,?,?,?,?,?,?,?,0)")),
      settle_payment_(database_.prepare(
          "UPDATE payment SET settled = 1, pay_token = NULL WHERE shard = ? AND day = ? AND local = ?")),
      select_cursor_(database_.prepare("SELECT next_voucher FROM cursor WHERE shard = ?")),
      upsert_cursor_(database_.prepare("INSERT INTO cursor(shard, next_voucher) VALUES (?,?) ON CONFLICT (shard) DO "
                                       "UPDATE SET next_voucher = excluded.next_voucher")),
      insert_deferred_(database_.prepare(
          fmt::format("INSERT INTO deferred_transfer({}, reason, attempts, next_at) VALUES (?,?,?,?,?,?,?,?,?,?,0,?)",
                      kTransferColumns))),
      update_deferred_(
          database_.prepare("UPDATE deferred_transfer SET reason = ?, attempts = ?, next_at = ? WHERE id = ?")),
      delete_deferred_(database_.prepare("DELETE FROM deferred_transfer WHERE id = ?")) {}

LedgerResult SqliteLedgerWriter::commit(const LedgerBatch& batch) {
  accounts_.clear();
  LedgerResult result;
  Transaction transaction(database_, Transaction::Kind::kWrite);
  apply(batch, result);
  write_accounts();
  transaction.commit();
  return result;
}

void SqliteLedgerWriter::apply(const LedgerBatch& batch, LedgerResult& result) {
  for (const Posting& posting : batch.postings) {
    result.postings.push_back(post(posting));
  }
  for (const Settlement& settlement : batch.settlements) {
    result.applied.push_back(settle(settlement, batch.now + batch.deferral));
  }
  for (const DeferredTransfer& deferred : batch.retries) {
    result.retried.push_back(retry(deferred));
  }
}

Posted SqliteLedgerWriter::post(const Posting& posting) {
  const Transfer& transfer = posting.transfer;
  const bool pays = !posting.pay_token.empty();
  CHECK(!pays || transfer.packet.has_value());
  const auto posted = find(transfer.id);
  if (!posted && pays) {
    if (const auto refused = refuse_payment(posting, paid_before(posting))) {
      return *refused;
    }
  }
  const TransferVerdict verdict = judge_and_post(transfer, posted);
  if (verdict == TransferVerdict::kPosted && pays) {
    const PacketKey& packet = *transfer.packet;
    insert_payment_.run(packet.shard, packet.day, packet.local, transfer.id, transfer.amount, posting.pay_token,
                        transfer.at, posting.send_key);
  }
  return {outcome_of(verdict)};
}

PaidBefore SqliteLedgerWriter::paid_before(const Posting& posting) {
  PaidBefore before;
  const PacketKey& packet = *posting.transfer.packet;
  if (Rows rows = select_payment_.query(packet.shard, packet.day, packet.local); rows.next()) {
    before.of_packet = {read_send_key(rows, 0)};
  }
  if (Rows rows = select_sent_.query(posting.send_key); rows.next()) {
    before.of_send = read_packet_key(rows, 0);
  }
  return before;
}

bool SqliteLedgerWriter::settle(const Settlement& settlement, Timestamp next_at) {
  if (cursor(settlement.shard) != settlement.from) {
    return false;
  }
  VoucherNo next = settlement.from;
  for (const Voucher& voucher : settlement.vouchers) {
    CHECK(voucher.no == next && voucher.packet.shard == settlement.shard);
    settle(voucher, next_at);
    next = next + 1;
  }
  upsert_cursor_.run(settlement.shard, next);
  return true;
}

void SqliteLedgerWriter::settle(const Voucher& voucher, Timestamp next_at) {
  const auto transfer = settlement_of(voucher);
  if (!transfer) {
    end_pending(voucher.packet);
    return;
  }
  // The cursor says that this voucher was never settled, so nothing has its id; UNIQUE asserts it.
  const TransferVerdict verdict = judge_and_post(*transfer, std::nullopt);
  if (verdict != TransferVerdict::kPosted) {
    defer(*transfer, verdict, next_at);
  }
}

void SqliteLedgerWriter::end_pending(const PacketKey& packet) {
  if (settle_payment_.run(packet.shard, packet.day, packet.local) != 1) {
    // The books are still right: the audit compares escrow with the packets. But somebody activated without paying.
    log_error("payment_missing",
              {{"shard", to_text(packet.shard)}, {"day", packet.day.yyyymmdd()}, {"local", packet.local.value}});
  }
}

void SqliteLedgerWriter::defer(const Transfer& transfer, TransferVerdict reason, Timestamp next_at) {
  const PacketColumns packet(transfer.packet);
  insert_deferred_.run(transfer.id, transfer.debit.text(), transfer.credit.text(), transfer.amount, transfer.kind,
                       packet.shard, packet.day, packet.local, transfer.at, reason, next_at);
}

bool SqliteLedgerWriter::retry(const DeferredTransfer& deferred) {
  const TransferVerdict verdict = judge_and_post(deferred.transfer, find(deferred.transfer.id));
  if (verdict == TransferVerdict::kPosted || verdict == TransferVerdict::kDuplicate) {
    delete_deferred_.run(deferred.transfer.id);
    return true;
  }
  // From the attempts the caller read, so that a repeated batch counts once.
  update_deferred_.run(verdict, deferred.attempts + 1, deferred.next_at, deferred.transfer.id);
  return false;
}

TransferVerdict SqliteLedgerWriter::judge_and_post(const Transfer& transfer, const std::optional<Transfer>& posted) {
  LoadedAccount& debit = load(transfer.debit);
  LoadedAccount& credit = load(transfer.credit);
  const TransferVerdict verdict = judge_transfer(transfer, debit.account, credit.account, posted);
  if (verdict == TransferVerdict::kPosted) {
    debit.account.debits_posted += transfer.amount;
    credit.account.credits_posted += transfer.amount;
    debit.moved = credit.moved = true;
    insert(transfer);
  }
  return verdict;
}

// References into an unordered_map stay good while others are added.
SqliteLedgerWriter::LoadedAccount& SqliteLedgerWriter::load(const AccountId& account) {
  const auto [entry, is_new] = accounts_.try_emplace(account.text());
  if (is_new) {
    Rows rows = select_account_.query(account.text());
    entry->second.account = rows.next() ? read_account(account, rows, 0) : Account{.id = account};
  }
  return entry->second;
}

std::optional<Transfer> SqliteLedgerWriter::find(const std::string& id) {
  Rows rows = select_transfer_.query(id);
  return rows.next() ? std::optional(read_transfer(rows, 0)) : std::nullopt;
}

VoucherNo SqliteLedgerWriter::cursor(ShardId shard) {
  Rows rows = select_cursor_.query(shard);
  return rows.next() ? VoucherNo{rows.count(0)} : VoucherNo{};
}

void SqliteLedgerWriter::insert(const Transfer& transfer) {
  const PacketColumns packet(transfer.packet);
  insert_transfer_.run(transfer.id, transfer.debit.text(), transfer.credit.text(), transfer.amount, transfer.kind,
                       packet.shard, packet.day, packet.local, transfer.at, wallet_of(transfer));
}

void SqliteLedgerWriter::write_accounts() {
  for (const auto& [id, loaded] : accounts_) {
    if (loaded.moved) {
      upsert_account_.run(id, loaded.account.debits_posted, loaded.account.credits_posted);
    }
  }
}

void SqliteLedgerWriter::set_frozen(const AccountId& account, bool frozen) {
  upsert_frozen_.run(account.text(), int64_t{frozen});
}

}  // namespace hongbao
