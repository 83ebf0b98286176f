#include "adapters/mariadb/ledger_decision.h"

#include <algorithm>

#include "base/check.h"

namespace hongbao::mariadb {

LedgerDecision::LedgerDecision(const LedgerBatch& batch, LedgerState state) : state_(std::move(state)) {
  for (const Posting& posting : batch.postings) {
    result.postings.push_back(post(posting));
  }
  for (const Settlement& settlement : batch.settlements) {
    result.applied.push_back(settle(settlement, batch.now + batch.deferral));
  }
  for (const DeferredTransfer& deferred : batch.retries) {
    result.retried.push_back(retry(deferred));
  }
  collect_moves();
}

Posted LedgerDecision::post(const Posting& posting) {
  const Transfer& transfer = posting.transfer;
  const auto posted = find_posted(transfer.id);
  const bool pays = !posting.pay_token.empty();
  if (!posted && pays) {
    if (const auto refused = refuse_payment(posting, paid_before(posting))) {
      return *refused;
    }
  }
  const TransferVerdict verdict = judge_and_post(transfer, posted);
  if (verdict == TransferVerdict::kPosted) {
    state_.posted.emplace(transfer.id, transfer);
    if (pays) {
      state_.paid.emplace(*transfer.packet, posting.send_key);
      if (posting.send_key) {
        state_.sent.emplace(*posting.send_key, *transfer.packet);
      }
      payments.push_back(&posting);
    }
  }
  return {outcome_of(verdict)};
}

PaidBefore LedgerDecision::paid_before(const Posting& posting) const {
  PaidBefore before;
  if (const auto paid = state_.paid.find(*posting.transfer.packet); paid != state_.paid.end()) {
    before.of_packet = {paid->second};
  }
  const auto sent = posting.send_key ? state_.sent.find(*posting.send_key) : state_.sent.end();
  if (sent != state_.sent.end()) {
    before.of_send = sent->second;
  }
  return before;
}

bool LedgerDecision::settle(const Settlement& settlement, Timestamp next_at) {
  VoucherNo& cursor = state_.cursors.at(settlement.shard);
  if (cursor != settlement.from) {
    return false;
  }
  for (const Voucher& voucher : settlement.vouchers) {
    CHECK(voucher.no == cursor && voucher.packet.shard == settlement.shard);
    settle(voucher, next_at);
    cursor = cursor + 1;
  }
  cursors[settlement.shard] = cursor;
  return true;
}

void LedgerDecision::settle(const Voucher& voucher, Timestamp next_at) {
  const auto transfer = settlement_of(voucher);
  if (!transfer) {
    no_longer_pending.insert(voucher.packet);
    return;
  }
  // The cursor says that this voucher was never settled, so nothing has its id; the primary key asserts it.
  const TransferVerdict verdict = judge_and_post(*transfer, std::nullopt);
  if (verdict != TransferVerdict::kPosted) {
    new_deferred.push_back({*transfer, verdict, 0, next_at});
  }
}

bool LedgerDecision::retry(const DeferredTransfer& deferred) {
  const std::string& id = deferred.transfer.id;
  const TransferVerdict verdict = judge_and_post(deferred.transfer, find_posted(id));
  if (verdict == TransferVerdict::kPosted || verdict == TransferVerdict::kDuplicate) {
    state_.posted.emplace(id, deferred.transfer);
    no_longer_deferred.push_back(id);
    return true;
  }
  // From the attempts the caller read, so that a repeated batch counts once.
  still_deferred.push_back({deferred.transfer, verdict, deferred.attempts + 1, deferred.next_at});
  return false;
}

TransferVerdict LedgerDecision::judge_and_post(const Transfer& transfer, const std::optional<Transfer>& posted) {
  Move& debit = at(transfer.debit);
  Move& credit = at(transfer.credit);
  const TransferVerdict verdict = judge_transfer(transfer, debit.account, credit.account, posted);
  if (verdict == TransferVerdict::kPosted) {
    debit.account.debits_posted += transfer.amount;
    debit.debits += transfer.amount;
    credit.account.credits_posted += transfer.amount;
    credit.credits += transfer.amount;
    transfers.push_back({transfer, &debit, &credit, ++debit.count, ++credit.count});
  }
  return verdict;
}

std::optional<Transfer> LedgerDecision::find_posted(const std::string& id) const {
  const auto found = state_.posted.find(id);
  return found == state_.posted.end() ? std::nullopt : std::optional(found->second);
}

// References into an unordered_map stay good while others are added.
LedgerDecision::Move& LedgerDecision::at(const AccountId& account) {
  const auto [entry, is_new] = accounts_.try_emplace(account.text());
  if (is_new) {
    const auto known = state_.accounts.find(account.text());
    if (known != state_.accounts.end()) {
      entry->second.account = known->second;
    } else {
      entry->second.account.id = account;
    }
  }
  return entry->second;
}

void LedgerDecision::collect_moves() {
  for (auto& [id, move] : accounts_) {
    if (move.count > 0) {
      moves.push_back(&move);
    }
  }
  std::ranges::sort(moves, {}, [](const Move* move) { return std::string_view(move->account.id.text()); });
}

std::set<std::string> deciding_accounts(const LedgerBatch& batch) {
  std::set<std::string> ids;
  const auto add = [&](const Transfer& transfer) {
    ids.insert(transfer.debit.text());
    ids.insert(transfer.credit.text());
  };
  for (const Posting& posting : batch.postings) {
    add(posting.transfer);
  }
  for (const Settlement& settlement : batch.settlements) {
    ids.insert(AccountId::escrow(settlement.shard).text());
  }
  for (const DeferredTransfer& deferred : batch.retries) {
    add(deferred.transfer);
  }
  return ids;
}

}  // namespace hongbao::mariadb
