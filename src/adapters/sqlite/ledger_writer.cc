#include "adapters/sqlite/ledger_writer.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/sqlite/ledger_rows.h"
#include "base/log.h"
#include "storage/stored_ledger.h"

namespace hongbao::sqlite {

LedgerWriter::LedgerWriter(Database database)
    : database_(std::move(database)),
      select_account_(database_.prepare("SELECT debits_posted, credits_posted, frozen FROM account WHERE id = ?")),
      // Changes nothing when the account can't take it.
      move_account_(database_.prepare(fmt::format(
          "INSERT INTO account(id, debits_posted, credits_posted, frozen) VALUES (?,?,?,0) ON CONFLICT (id) DO UPDATE "
          "SET debits_posted = debits_posted + excluded.debits_posted, "
          "credits_posted = credits_posted + excluded.credits_posted "
          "WHERE frozen = 0 AND (excluded.credits_posted = 0 OR credits_posted BETWEEN 0 AND {} - "
          "excluded.credits_posted)",
          kPostedMax.fen()))),
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
      select_day_(database_.prepare("SELECT amount FROM deposit_day WHERE day = ?")),
      upsert_day_(database_.prepare("INSERT INTO deposit_day(day, amount) VALUES (?,?) ON CONFLICT (day) DO UPDATE SET "
                                    "amount = excluded.amount")),
      insert_deferred_(database_.prepare(
          fmt::format("INSERT INTO deferred_transfer({}, reason, attempts, next_at) VALUES (?,?,?,?,?,?,?,?,?,?,0,?)",
                      kTransferColumns))),
      update_deferred_(
          database_.prepare("UPDATE deferred_transfer SET reason = ?, attempts = ?, next_at = ? WHERE id = ?")),
      delete_deferred_(database_.prepare("DELETE FROM deferred_transfer WHERE id = ?")) {}

LedgerResult LedgerWriter::commit(const LedgerBatch& batch) {
  std::optional<Transaction> transaction;
  auto decision = decide(batch, {.read =
                                     [&](const LedgerReads& reads) {
                                       transaction.emplace(database_, Transaction::Kind::kWrite);
                                       return read(reads);
                                     },
                                 .move = [&](const LedgerDecision& decided) { return move_accounts(decided); },
                                 .undo = [&] { transaction.reset(); }});
  require_sound(decision.has_value(), "an account that was read takes what it was said to");
  write(*decision);
  transaction->commit();
  return std::move(decision->result);
}

LedgerState LedgerWriter::read(const LedgerReads& reads) {
  LedgerState state;
  for (const ShardId shard : reads.cursors) {
    if (Rows rows = select_cursor_.query(shard); rows.next()) {
      state.cursors[shard] = VoucherNo{rows.count(0)};
    }
  }
  for (const AccountId& account : reads.accounts) {
    Rows rows = select_account_.query(account.text());
    state.accounts.emplace(account.text(), rows.next() ? read_account(account, rows, 0) : Account{.id = account});
  }
  for (const std::string& id : reads.transfers) {
    if (Rows rows = select_transfer_.query(id); rows.next()) {
      state.posted.emplace(id, read_transfer(rows, 0));
    }
  }
  read_payments(reads, state);
  for (const Day day : reads.days) {
    if (Rows rows = select_day_.query(day); rows.next()) {
      state.counted.emplace(day, rows.money(0));
    }
  }
  return state;
}

void LedgerWriter::read_payments(const LedgerReads& reads, LedgerState& state) {
  for (const PacketKey& packet : reads.packets) {
    if (Rows rows = select_payment_.query(packet.shard, packet.day, packet.local); rows.next()) {
      state.paid.emplace(packet, read_send_key(rows, 0));
    }
  }
  for (const SendKey& send : reads.sends) {
    if (Rows rows = select_sent_.query(send); rows.next()) {
      state.sent.emplace(send, read_packet_key(rows, 0));
    }
  }
}

std::vector<AccountId> LedgerWriter::move_accounts(const LedgerDecision& decision) {
  std::vector<AccountId> unable;
  for (const auto& [account, debits, credits, transfers] : decision.moves) {
    if (move_account_.run(account.text(), debits, credits) != 1) {
      unable.push_back(account);
    }
  }
  return unable;
}

void LedgerWriter::write(const LedgerDecision& decision) {
  for (const LedgerDecision::NewTransfer& made : decision.transfers) {
    const Transfer& transfer = made.transfer;
    const PacketColumns packet(transfer.packet);
    insert_transfer_.run(transfer.id, transfer.debit.text(), transfer.credit.text(), transfer.amount, transfer.kind,
                         packet.shard, packet.day, packet.local, transfer.at, wallet_of(transfer));
  }
  write_payments(decision);
  write_deferred(decision);
  for (const auto& [shard, next] : decision.cursors) {
    upsert_cursor_.run(shard, next);
  }
  for (const auto& [day, amount] : decision.counted) {
    upsert_day_.run(day, amount);
  }
}

void LedgerWriter::write_payments(const LedgerDecision& decision) {
  for (const Posting* posting : decision.payments) {
    const Transfer& transfer = posting->transfer;
    const PacketKey& packet = *transfer.packet;
    insert_payment_.run(packet.shard, packet.day, packet.local, transfer.id, transfer.amount, posting->pay_token,
                        transfer.at, posting->send_key);
  }
  for (const PacketKey& packet : decision.no_longer_pending) {
    if (settle_payment_.run(packet.shard, packet.day, packet.local) != 1) {
      // The books are still right: the audit compares escrow with the packets. But somebody activated without paying.
      log_error("payment_missing",
                {{"shard", to_text(packet.shard)}, {"day", packet.day.yyyymmdd()}, {"local", packet.local.value}});
    }
  }
}

void LedgerWriter::write_deferred(const LedgerDecision& decision) {
  for (const DeferredTransfer& deferred : decision.new_deferred) {
    const Transfer& transfer = deferred.transfer;
    const PacketColumns packet(transfer.packet);
    insert_deferred_.run(transfer.id, transfer.debit.text(), transfer.credit.text(), transfer.amount, transfer.kind,
                         packet.shard, packet.day, packet.local, transfer.at, deferred.reason, deferred.next_at);
  }
  for (const DeferredTransfer& deferred : decision.still_deferred) {
    update_deferred_.run(deferred.reason, deferred.attempts, deferred.next_at, deferred.transfer.id);
  }
  for (const std::string& id : decision.no_longer_deferred) {
    delete_deferred_.run(id);
  }
}

void LedgerWriter::set_frozen(const AccountId& account, bool frozen) {
  upsert_frozen_.run(account.text(), int64_t{frozen});
}

}  // namespace hongbao::sqlite
