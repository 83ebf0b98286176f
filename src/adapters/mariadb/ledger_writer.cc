#include "adapters/mariadb/ledger_writer.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/mariadb/ledger_rows.h"
#include "base/check.h"
#include "base/log.h"
#include "storage/stored_ledger.h"

namespace hongbao::mariadb {
LedgerWriter::LedgerWriter(Database database)
    : database_(std::move(database)),
      // FORCE: on a small table MariaDB would scan, and lock on its way what the batch does not touch.
      lock_cursors_(database_,
                    "SELECT shard, next_voucher FROM settled_to FORCE INDEX (PRIMARY) WHERE shard IN ({}) FOR UPDATE",
                    "?"),
      insert_cursor_(database_.prepare("INSERT IGNORE INTO settled_to VALUES (?, 1)")),
      update_cursor_(database_.prepare("UPDATE settled_to SET next_voucher = ? WHERE shard = ?")),
      lock_accounts_(database_,
                     "SELECT id, debits_posted, credits_posted, frozen FROM account FORCE INDEX (PRIMARY) WHERE id IN "
                     "({}) FOR UPDATE",
                     "?"),
      lock_days_(database_, "SELECT day, amount FROM deposit_day FORCE INDEX (PRIMARY) WHERE day IN ({}) FOR UPDATE",
                 "?"),
      insert_day_(database_.prepare("INSERT IGNORE INTO deposit_day VALUES (?, 0)")),
      update_day_(database_.prepare("UPDATE deposit_day SET amount = ? WHERE day = ?")),
      move_accounts_(database_,
                     "INSERT INTO account VALUES {} ON DUPLICATE KEY UPDATE "
                     "debits_posted = debits_posted + IF(frozen, 0, VALUES(debits_posted)), "
                     "credits_posted = credits_posted + IF(frozen, 0, VALUES(credits_posted)), "
                     "transfers = transfers + IF(frozen, 0, VALUES(transfers)) RETURNING id, transfers, frozen",
                     "(?,?,?,?,0)"),
      upsert_frozen_(database_.prepare(
          "INSERT INTO account VALUES (?, 0, 0, 0, ?) ON DUPLICATE KEY UPDATE frozen = VALUES(frozen)")),
      list_frozen_(database_.prepare("INSERT IGNORE INTO frozen_account VALUES (?)")),
      unlist_frozen_(database_.prepare("DELETE FROM frozen_account WHERE id = ?")),
      select_transfers_(database_, fmt::format("SELECT {} FROM transfer WHERE id IN ({{}})", kTransferColumns), "?"),
      insert_transfer_(database_.prepare(
          fmt::format("INSERT INTO transfer({}, wallet_position, other_position) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                      kTransferColumns))),
      select_payments_(database_, "SELECT shard, day, local, send_key FROM payment WHERE (shard, day, local) IN ({})",
                       "(?,?,?)"),
      select_sent_(database_, "SELECT shard, day, local, send_key FROM payment WHERE send_key IN ({})", "?"),
      insert_payment_(database_.prepare("INSERT INTO payment(shard, day, local, transfer_id, amount, pay_token, at, "
                                        "send_key, settled) VALUES (?,?,?,?,?,?,?,?,0)")),
      settle_payments_(database_, "UPDATE payment SET settled = 1, pay_token = NULL WHERE (shard, day, local) IN ({})",
                       "(?,?,?)"),
      insert_deferred_(database_.prepare(
          "INSERT INTO deferred_transfer(id, debit, credit, amount, kind, shard, day, local, at, reason, attempts, "
          "next_at) VALUES (?,?,?,?,?,?,?,?,?,?,0,?)")),
      update_deferred_(
          database_.prepare("UPDATE deferred_transfer SET reason = ?, attempts = ?, next_at = ? WHERE id = ?")),
      delete_deferred_(database_, "DELETE FROM deferred_transfer WHERE id IN ({})", "?") {}

LedgerResult LedgerWriter::commit(const LedgerBatch& batch) {
  auto decision = decide(batch, {.read = [&](const LedgerReads& reads) { return lock_and_read(reads); },
                                 .move = [&](const LedgerDecision& decided) { return move_accounts(decided); },
                                 .undo = [&] { database_.rollback(); }});
  if (!decision) {
    throw MariadbError(0, "more and more accounts are being frozen");
  }
  write(*decision);
  database_.commit();
  return std::move(decision->result);
}

LedgerState LedgerWriter::lock_and_read(const LedgerReads& reads) {
  LedgerState state;
  lock_cursors(reads.cursors, state);
  lock_accounts(reads.accounts, state);
  lock_days(reads.days, state);
  read_posted(reads.transfers, state);
  read_payments(reads, state);
  return state;
}

void LedgerWriter::lock_cursors(std::set<ShardId> shards, LedgerState& state) {
  const auto lock = [&] {
    std::vector<Value> keys;
    for (const ShardId shard : shards) {
      keys.push_back(to_value(shard));
    }
    lock_cursors_.query(keys, [&](const Rows& rows) {
      const ShardId shard = shard_of(rows.integer(0));
      state.cursors[shard] = {rows.count(1)};
      shards.erase(shard);
    });
  };
  lock();
  if (!shards.empty()) {
    ValueRows rows;
    for (const ShardId shard : shards) {
      rows.add(shard);
    }
    (void)insert_cursor_.run_all(rows);
    lock();
    require_sound(shards.empty(), "a shard has a cursor");
  }
}

void LedgerWriter::lock_accounts(const std::set<AccountId>& accounts, LedgerState& state) {
  std::vector<Value> keys;
  for (const AccountId& account : accounts) {
    keys.push_back(to_value(account.text()));
    state.accounts[account.text()].id = account;
  }
  lock_accounts_.query(keys, [&](const Rows& rows) {
    std::string id(rows.text(0));
    state.accounts[id] = read_account(AccountId::trusted(id), rows, 1);
  });
}

// A day that is not there is made first, so that two nodes never both find nothing and both begin it.
void LedgerWriter::lock_days(std::set<Day> days, LedgerState& state) {
  const auto lock = [&] {
    std::vector<Value> keys;
    for (const Day day : days) {
      keys.push_back(to_value(day));
    }
    lock_days_.query(keys, [&](const Rows& rows) {
      const Day day{static_cast<int32_t>(rows.integer(0))};
      state.counted[day] = rows.money(1);
      days.erase(day);
    });
  };
  lock();
  if (!days.empty()) {
    ValueRows rows;
    for (const Day day : days) {
      rows.add(day);
    }
    (void)insert_day_.run_all(rows);
    lock();
    require_sound(days.empty(), "a day that counts deposits is stored");
  }
}

void LedgerWriter::read_posted(const std::set<std::string>& ids, LedgerState& state) {
  std::vector<std::string> keys;
  keys.reserve(ids.size());  // the values borrow them
  std::vector<Value> values;
  for (const std::string& id : ids) {
    keys.push_back(transfer_key(id));
    values.push_back(to_value(keys.back()));
  }
  select_transfers_.query(values, [&](const Rows& rows) {
    Transfer transfer = read_transfer(rows, 0);
    std::string id = transfer.id;
    state.posted.insert_or_assign(std::move(id), std::move(transfer));
  });
}

void LedgerWriter::read_payments(const LedgerReads& reads, LedgerState& state) {
  std::vector<Value> packets;
  for (const auto& [shard, day, local] : reads.packets) {
    packets.insert(packets.end(), {to_value(shard), to_value(day), to_value(local)});
  }
  std::vector<Value> sends;
  for (const SendKey& send : reads.sends) {
    sends.push_back(to_value(send));
  }
  const auto take = [&](const Rows& rows) {
    const PacketKey packet = read_packet_key(rows, 0);
    const auto send_key = read_send_key(rows, 3);
    state.paid[packet] = send_key;
    if (send_key) {
      state.sent[*send_key] = packet;
    }
  };
  select_payments_.query(packets, take);
  select_sent_.query(sends, take);
}

std::vector<AccountId> LedgerWriter::move_accounts(const LedgerDecision& decision) {
  std::vector<Value> values;
  for (const LedgerDecision::Move& move : decision.moves) {
    values.insert(values.end(), {to_value(move.account.text()), to_value(move.debits), to_value(move.credits),
                                 to_value(move.transfers)});
  }
  transfers_.clear();
  std::vector<AccountId> frozen;
  move_accounts_.query(values, [&](const Rows& rows) {
    const size_t place = transfers_.size();
    require_sound(place < decision.moves.size() && rows.text(0) == decision.moves[place].account.text(),
                  "an account has its own id");
    transfers_.push_back(rows.count(1));
    if (rows.integer(2) != 0) {
      frozen.push_back(decision.moves[place].account);
    }
  });
  require_sound(transfers_.size() == decision.moves.size(), "an account that moves is stored");
  return frozen;
}

void LedgerWriter::write(const LedgerDecision& decision) {
  write_transfers(decision);
  write_payments(decision);
  write_deferred(decision);
  write_cursors(decision);
  write_days(decision);
}

void LedgerWriter::write_transfers(const LedgerDecision& decision) {
  ValueRows rows;
  std::vector<std::string> keys;
  keys.reserve(decision.transfers.size());  // the rows borrow them
  const auto transfers_before = [&](size_t place) { return transfers_[place] - decision.moves[place].transfers; };
  for (const auto& [transfer, debit, credit, debit_no, credit_no] : decision.transfers) {
    const uint64_t debit_position = transfers_before(debit) + debit_no;
    const uint64_t credit_position = transfers_before(credit) + credit_no;
    const bool pays = wallet_pays(transfer);
    const PacketColumns packet(transfer.packet);
    keys.push_back(transfer_key(transfer.id));
    rows.add(keys.back(), pays ? transfer.debit.text() : transfer.credit.text(),
             pays ? transfer.credit.text() : transfer.debit.text(), pays ? transfer.amount * -1 : transfer.amount,
             transfer.kind, packet.shard, packet.day, packet.local, transfer.at,
             pays ? debit_position : credit_position, pays ? credit_position : debit_position);
  }
  (void)insert_transfer_.run_all(rows);
}

void LedgerWriter::write_payments(const LedgerDecision& decision) {
  ValueRows made;
  for (const Posting* posting : decision.payments) {
    const Transfer& transfer = posting->transfer;
    const PacketKey& packet = *transfer.packet;
    made.add(packet.shard, packet.day, packet.local, transfer.id, transfer.amount, posting->pay_token, transfer.at,
             posting->send_key);
  }
  (void)insert_payment_.run_all(made);
  std::vector<Value> settled;
  for (const auto& [shard, day, local] : decision.no_longer_pending) {
    settled.insert(settled.end(), {to_value(shard), to_value(day), to_value(local)});
  }
  const uint64_t found = settle_payments_.run(settled);
  if (found != decision.no_longer_pending.size()) {
    // The books are still right: the audit compares escrow with the packets. But somebody activated without paying.
    log_error("payment_missing", {{"first_shard", to_text(decision.no_longer_pending.begin()->shard)},
                                  {"missing", decision.no_longer_pending.size() - found}});
  }
}

void LedgerWriter::write_deferred(const LedgerDecision& decision) {
  ValueRows made;
  std::vector<std::string> keys;
  keys.reserve(decision.new_deferred.size() + decision.still_deferred.size() + decision.no_longer_deferred.size());
  for (const DeferredTransfer& deferred : decision.new_deferred) {
    const Transfer& transfer = deferred.transfer;
    const PacketColumns packet(transfer.packet);
    keys.push_back(transfer_key(transfer.id));
    made.add(keys.back(), transfer.debit.text(), transfer.credit.text(), transfer.amount, transfer.kind, packet.shard,
             packet.day, packet.local, transfer.at, deferred.reason, deferred.next_at);
  }
  (void)insert_deferred_.run_all(made);
  ValueRows kept;
  for (const DeferredTransfer& deferred : decision.still_deferred) {
    keys.push_back(transfer_key(deferred.transfer.id));
    kept.add(deferred.reason, deferred.attempts, deferred.next_at, keys.back());
  }
  (void)update_deferred_.run_all(kept);
  std::vector<Value> done;
  for (const std::string& id : decision.no_longer_deferred) {
    keys.push_back(transfer_key(id));
    done.push_back(to_value(keys.back()));
  }
  (void)delete_deferred_.run(done);
}

void LedgerWriter::write_cursors(const LedgerDecision& decision) {
  ValueRows moved;
  for (const auto& [shard, next] : decision.cursors) {
    moved.add(next, shard);
  }
  require_sound(update_cursor_.run_all(moved) == moved.rows(), "a shard has a cursor");
}

void LedgerWriter::write_days(const LedgerDecision& decision) {
  ValueRows rows;
  for (const auto& [day, amount] : decision.counted) {
    rows.add(amount, day);
  }
  require_sound(update_day_.run_all(rows) == rows.rows(), "a day that counts deposits is stored");
}

void LedgerWriter::set_frozen(const AccountId& account, bool frozen) {
  (void)upsert_frozen_.run(account.text(), frozen ? 1 : 0);
  (void)(frozen ? list_frozen_ : unlist_frozen_).run(account.text());
  database_.commit();
}

}  // namespace hongbao::mariadb
