#include "adapters/mariadb/ledger_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "adapters/mariadb/ledger_rows.h"
#include "base/check.h"

namespace hongbao::mariadb {

LedgerWriter::LedgerWriter(Database database)
    : database_(std::move(database)),
      select_accounts_(database_,
                       "SELECT id, debits_posted, credits_posted, frozen FROM account WHERE id IN ({}) FOR UPDATE"),
      insert_account_(database_.prepare("INSERT IGNORE INTO account VALUES (?, 0, 0, 0)")),
      update_account_(database_.prepare("UPDATE account SET debits_posted = ?, credits_posted = ? WHERE id = ?")),
      // Another process that waited for the row may have frozen the account or moved it: then it is not unused.
      delete_account_(database_.prepare(
          "DELETE FROM account WHERE id = ? AND debits_posted = 0 AND credits_posted = 0 AND frozen = 0")),
      upsert_frozen_(
          database_.prepare("INSERT INTO account VALUES (?, 0, 0, ?) ON DUPLICATE KEY UPDATE frozen = VALUES(frozen)")),
      select_transfers_(database_, fmt::format("SELECT {} FROM transfer WHERE id IN ({{}})", kTransferColumns)),
      insert_transfer_(database_.prepare(
          fmt::format("INSERT INTO transfer({}, wallet) VALUES (?,?,?,?,?,?,?,?,?,?)", kTransferColumns))),
      select_payment_(database_.prepare("SELECT transfer_id FROM payment WHERE shard = ? AND day = ? AND local = ?")),
      insert_payment_(database_.prepare("INSERT INTO payment(shard, day, local, transfer_id, amount, pay_token, at, "
                                        "settled) VALUES (?,?,?,?,?,?,?,0)")),
      settle_payment_(database_.prepare(
          "UPDATE payment SET settled = 1, pay_token = NULL WHERE shard = ? AND day = ? AND local = ?")),
      insert_cursor_(database_.prepare("INSERT IGNORE INTO settled_to VALUES (?, 1)")),
      select_cursor_(database_.prepare("SELECT next_voucher FROM settled_to WHERE shard = ? FOR UPDATE")),
      update_cursor_(database_.prepare("UPDATE settled_to SET next_voucher = ? WHERE shard = ?")),
      insert_deferred_(database_.prepare(
          fmt::format("INSERT INTO deferred_transfer({}, reason, attempts, next_at) VALUES (?,?,?,?,?,?,?,?,?,?,0,?)",
                      kTransferColumns))),
      update_deferred_(
          database_.prepare("UPDATE deferred_transfer SET reason = ?, attempts = ?, next_at = ? WHERE id = ?")),
      delete_deferred_(database_.prepare("DELETE FROM deferred_transfer WHERE id = ?")) {}

LedgerResult LedgerWriter::commit(const LedgerBatch& batch) {
  now_ = {};
  lock_cursors(batch);
  lock_accounts(batch);
  read_posted(batch);
  read_payments(batch);
  LedgerResult result;
  for (const Posting& posting : batch.postings) {
    result.postings.push_back(post(posting));
  }
  for (const Settlement& settlement : batch.settlements) {
    result.applied.push_back(settle(settlement, batch.now + batch.deferral));
  }
  for (const DeferredTransfer& deferred : batch.retries) {
    result.retried.push_back(retry(deferred));
  }
  write();
  database_.commit();
  return result;
}

void LedgerWriter::lock_cursors(const LedgerBatch& batch) {
  std::set<ShardId> shards;
  for (const Settlement& settlement : batch.settlements) {
    shards.insert(settlement.shard);
  }
  for (const ShardId shard : shards) {
    const auto read = [&]() -> std::optional<VoucherNo> {
      Rows rows = select_cursor_.query(shard);
      return rows.next() ? std::optional(VoucherNo{rows.count(0)}) : std::nullopt;
    };
    auto cursor = read();
    if (!cursor) {
      (void)insert_cursor_.run(shard);
      cursor = read();
    }
    now_.cursors[shard] = cursor.value();
  }
}

bool LedgerWriter::is_next(const Settlement& settlement) const {
  return now_.cursors.at(settlement.shard) == settlement.from;
}

void LedgerWriter::lock_accounts(const LedgerBatch& batch) {
  const auto touch = [&](const Transfer& transfer) {
    now_.accounts.try_emplace(transfer.debit.text());
    now_.accounts.try_emplace(transfer.credit.text());
  };
  for (const Posting& posting : batch.postings) {
    touch(posting.transfer);
  }
  for (const Settlement& settlement : batch.settlements) {
    for (const Voucher& voucher : settlement.vouchers) {
      if (const auto transfer = settlement_of(voucher)) {
        touch(*transfer);
      }
    }
  }
  for (const DeferredTransfer& deferred : batch.retries) {
    touch(deferred.transfer);
  }
  std::vector<std::string_view> ids;
  for (const auto& [id, loaded] : now_.accounts) {
    ids.emplace_back(id);
  }
  std::set<std::string_view> missing(ids.begin(), ids.end());
  read_accounts(ids, missing);
  if (!missing.empty()) {
    ValueRows rows;
    for (const std::string_view id : missing) {
      rows.add(id);
    }
    (void)insert_account_.run_all(rows);
    const std::vector<std::string_view> made(missing.begin(), missing.end());
    read_accounts(made, missing);
    CHECK(missing.empty());
    for (const std::string_view id : made) {
      now_.accounts.find(id)->second.made = true;
    }
  }
}

void LedgerWriter::read_accounts(const std::vector<std::string_view>& ids, std::set<std::string_view>& missing) {
  select_accounts_.each(ids, [&](const Rows& rows) {
    const auto entry = now_.accounts.find(rows.text(0));
    CHECK(entry != now_.accounts.end());
    entry->second.account = {AccountId::trusted(entry->first), rows.money(1), rows.money(2), rows.integer(3) != 0};
    missing.erase(rows.text(0));
  });
}

void LedgerWriter::read_posted(const LedgerBatch& batch) {
  std::set<std::string_view> ids;
  for (const Posting& posting : batch.postings) {
    ids.insert(posting.transfer.id);
  }
  for (const DeferredTransfer& deferred : batch.retries) {
    ids.insert(deferred.transfer.id);
  }
  select_transfers_.each({ids.begin(), ids.end()}, [&](const Rows& rows) {
    Transfer transfer = read_transfer(rows, 0);
    std::string id = transfer.id;
    now_.posted.insert_or_assign(std::move(id), std::move(transfer));
  });
}

void LedgerWriter::read_payments(const LedgerBatch& batch) {
  for (const Posting& posting : batch.postings) {
    if (posting.pay_token.empty() || now_.posted.contains(posting.transfer.id)) {
      continue;
    }
    CHECK(posting.transfer.packet.has_value());
    const PacketKey& packet = *posting.transfer.packet;
    Rows rows = select_payment_.query(packet.shard, packet.day, packet.local);
    if (rows.next()) {
      now_.paid_by[packet] = rows.text(0);
    }
  }
}

PostOutcome LedgerWriter::post(const Posting& posting) {
  const Transfer& transfer = posting.transfer;
  const auto posted = find_posted(transfer.id);
  const bool pays = !posting.pay_token.empty();
  if (!posted && pays && now_.paid_by.contains(*transfer.packet)) {
    return PostOutcome::kAlreadyPaid;
  }
  const TransferVerdict verdict = judge_and_post(transfer, posted);
  if (verdict == TransferVerdict::kPosted) {
    now_.posted.emplace(transfer.id, transfer);
    if (pays) {
      now_.paid_by.emplace(*transfer.packet, transfer.id);
      now_.new_payments.push_back(&posting);
    }
  }
  return outcome_of(verdict);
}

bool LedgerWriter::settle(const Settlement& settlement, Timestamp next_at) {
  if (!is_next(settlement)) {
    return false;
  }
  VoucherNo next = settlement.from;
  for (const Voucher& voucher : settlement.vouchers) {
    CHECK(voucher.no == next && voucher.packet.shard == settlement.shard);
    settle(voucher, next_at);
    next = next + 1;
  }
  now_.cursors[settlement.shard] = next;
  return true;
}

void LedgerWriter::settle(const Voucher& voucher, Timestamp next_at) {
  const auto transfer = settlement_of(voucher);
  if (!transfer) {
    now_.no_longer_pending.push_back(voucher.packet);
    return;
  }
  // The cursor says that this voucher was never settled, so nothing has its id; UNIQUE asserts it.
  const TransferVerdict verdict = judge_and_post(*transfer, std::nullopt);
  if (verdict != TransferVerdict::kPosted) {
    now_.new_deferred.push_back({*transfer, verdict, 0, next_at});
  }
}

bool LedgerWriter::retry(const DeferredTransfer& deferred) {
  const std::string& id = deferred.transfer.id;
  const TransferVerdict verdict = judge_and_post(deferred.transfer, find_posted(id));
  if (verdict == TransferVerdict::kPosted || verdict == TransferVerdict::kDuplicate) {
    now_.posted.emplace(id, deferred.transfer);
    now_.no_longer_deferred.push_back(id);
    return true;
  }
  // From the attempts the caller read, so that a repeated batch counts once.
  now_.still_deferred.push_back({deferred.transfer, verdict, deferred.attempts + 1, deferred.next_at});
  return false;
}

TransferVerdict LedgerWriter::judge_and_post(const Transfer& transfer, const std::optional<Transfer>& posted) {
  LoadedAccount& debit = now_.accounts.find(transfer.debit.text())->second;
  LoadedAccount& credit = now_.accounts.find(transfer.credit.text())->second;
  const TransferVerdict verdict = judge_transfer(transfer, debit.account, credit.account, posted);
  if (verdict == TransferVerdict::kPosted) {
    debit.account.debits_posted += transfer.amount;
    credit.account.credits_posted += transfer.amount;
    debit.moved = credit.moved = true;
    now_.new_transfers.push_back(transfer);
  }
  return verdict;
}

std::optional<Transfer> LedgerWriter::find_posted(const std::string& id) const {
  const auto found = now_.posted.find(id);
  return found == now_.posted.end() ? std::nullopt : std::optional(found->second);
}

void LedgerWriter::write() {
  ValueRows transfers;
  for (const Transfer& transfer : now_.new_transfers) {
    const PacketColumns packet(transfer.packet);
    transfers.add(transfer.id, transfer.debit.text(), transfer.credit.text(), transfer.amount, transfer.kind,
                  packet.shard, packet.day, packet.local, transfer.at, wallet_of(transfer));
  }
  (void)insert_transfer_.run_all(transfers);
  write_payments();
  write_deferred();
  write_accounts();
  for (const auto& [shard, next] : now_.cursors) {
    (void)update_cursor_.run(next, shard);
  }
}

void LedgerWriter::write_accounts() {
  ValueRows moved;
  ValueRows unused;
  for (const auto& [id, loaded] : now_.accounts) {
    if (loaded.moved) {
      moved.add(loaded.account.debits_posted, loaded.account.credits_posted, id);
    } else if (loaded.made) {
      unused.add(id);
    }
  }
  (void)update_account_.run_all(moved);
  (void)delete_account_.run_all(unused);
}

void LedgerWriter::write_payments() {
  ValueRows made;
  for (const Posting* posting : now_.new_payments) {
    const Transfer& transfer = posting->transfer;
    const PacketKey& packet = *transfer.packet;
    made.add(packet.shard, packet.day, packet.local, transfer.id, transfer.amount, posting->pay_token, transfer.at);
  }
  (void)insert_payment_.run_all(made);
  ValueRows settled;
  for (const PacketKey& packet : now_.no_longer_pending) {
    settled.add(packet.shard, packet.day, packet.local);
  }
  if (settle_payment_.run_all(settled) != settled.rows()) {
    // The books are still right: the audit compares escrow with the packets. But somebody activated without paying.
    log_error("payment_missing", {{"first_shard", to_text(now_.no_longer_pending.front().shard)},
                                  {"packets", static_cast<int64_t>(settled.rows())}});
  }
}

void LedgerWriter::write_deferred() {
  ValueRows made;
  for (const DeferredTransfer& deferred : now_.new_deferred) {
    const Transfer& transfer = deferred.transfer;
    const PacketColumns packet(transfer.packet);
    made.add(transfer.id, transfer.debit.text(), transfer.credit.text(), transfer.amount, transfer.kind, packet.shard,
             packet.day, packet.local, transfer.at, deferred.reason, deferred.next_at);
  }
  (void)insert_deferred_.run_all(made);
  ValueRows kept;
  for (const DeferredTransfer& deferred : now_.still_deferred) {
    kept.add(deferred.reason, deferred.attempts, deferred.next_at, deferred.transfer.id);
  }
  (void)update_deferred_.run_all(kept);
  ValueRows done;
  for (const std::string& id : now_.no_longer_deferred) {
    done.add(id);
  }
  (void)delete_deferred_.run_all(done);
}

void LedgerWriter::set_frozen(const AccountId& account, bool frozen) {
  (void)upsert_frozen_.run(account.text(), frozen ? 1 : 0);
  database_.commit();
}

}  // namespace hongbao::mariadb
