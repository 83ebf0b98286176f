#include "core/ledger_decision.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/payment.h"

namespace hongbao {
namespace {

PostOutcome outcome_of(TransferVerdict verdict) {
  switch (verdict) {
    case TransferVerdict::kPosted:
      return PostOutcome::kPosted;
    case TransferVerdict::kDuplicate:
      return PostOutcome::kDuplicate;
    case TransferVerdict::kIdReused:
      return PostOutcome::kIdReused;
    case TransferVerdict::kInsufficient:
      return PostOutcome::kInsufficient;
    case TransferVerdict::kFrozen:
      return PostOutcome::kFrozen;
    case TransferVerdict::kTooMuch:
      break;
  }
  return PostOutcome::kTooMuch;
}

// Whether it is a piece of its shard's log. What comes from a file or a message may be damaged.
bool is_sound(const Settlement& settlement, const Ledgers& all) {
  VoucherNo next = settlement.from;
  for (const Voucher& voucher : settlement.vouchers) {
    if (voucher.no != next || voucher.packet.shard != settlement.shard || !is_sound(voucher) ||
        !names_ledgers_of(voucher, all)) {
      return false;
    }
    next = next + 1;
  }
  return true;
}

std::set<AccountId> credited_accounts(const LedgerBatch& batch) {
  std::set<AccountId> accounts;
  for (const Settlement& settlement : batch.settlements) {
    for (const Voucher& voucher : settlement.vouchers) {
      if (!names_ledgers_of(voucher, batch.place.all)) {
        continue;  // its piece is refused
      }
      if (auto effect = effect_of(voucher, batch.place); effect.transfer) {
        accounts.insert(std::move(effect.transfer->credit));
      }
    }
  }
  return accounts;
}

// The accounts that a piece debits: what they have decides.
std::set<AccountId> debited_accounts(const Settlement& settlement, const LedgerPlace& place) {
  const LedgerId escrow = place.all.of(settlement.shard);
  if (escrow != place.self) {
    return {AccountId::due(escrow)};
  }
  std::set<AccountId> accounts{AccountId::escrow(settlement.shard)};
  for (const Voucher& voucher : settlement.vouchers) {
    if (voucher.kind == VoucherKind::kPaid && voucher.paid_in != place.self) {
      accounts.insert(AccountId::due(voucher.paid_in));
    }
  }
  return accounts;
}

class Decider {
 public:
  Decider(const LedgerBatch& batch, LedgerState state) : batch_(batch), state_(std::move(state)) {}

  LedgerDecision decide();

 private:
  // An account while the batch is decided.
  struct Running {
    Account account;
    bool was_read = false;
    Money debits;
    Money credits;
    uint64_t transfers = 0;
  };
  struct Judged {
    TransferVerdict verdict;
    size_t debit;  // places in accounts_
    size_t credit;
  };

  Posted post(const Posting& posting);
  bool count(const Posting& posting);
  [[nodiscard]] std::optional<Posted> refuse_payment(const Posting& posting) const;
  SettleOutcome settle(const Settlement& settlement);
  void settle(const Voucher& voucher);
  RetryOutcome retry(const DeferredTransfer& deferred);
  Judged judge(const Transfer& transfer, const std::optional<Transfer>& posted);
  void move(Transfer transfer, const Judged& judged);
  [[nodiscard]] std::optional<Transfer> find_posted(const std::string& id) const;
  size_t place_of(const AccountId& account);
  void collect_moves();

  const LedgerBatch& batch_;
  LedgerState state_;
  std::unordered_map<std::string, size_t> places_;  // in accounts_
  std::vector<Running> accounts_;
  LedgerDecision decision_;
};

LedgerDecision Decider::decide() {
  for (const Posting& posting : batch_.postings) {
    decision_.result.postings.push_back(post(posting));
  }
  for (const Settlement& settlement : batch_.settlements) {
    decision_.result.settlements.push_back(settle(settlement));
  }
  for (const DeferredTransfer& deferred : batch_.retries) {
    decision_.result.retries.push_back(retry(deferred));
  }
  collect_moves();
  return std::move(decision_);
}

Posted Decider::post(const Posting& posting) {
  const Transfer& transfer = posting.transfer;
  const auto posted = find_posted(transfer.id);
  if (!posted && posting.pays()) {
    if (const auto refused = refuse_payment(posting)) {
      return *refused;
    }
  }
  if (!posting.gives_back.empty()) {
    const auto payment = find_posted(posting.gives_back);
    if (!payment || !is_return_of(transfer, *payment)) {
      return {PostOutcome::kNoPayment};
    }
  }
  const Judged judged = judge(transfer, posted);
  if (judged.verdict == TransferVerdict::kPosted && !count(posting)) {
    return {PostOutcome::kOverDailyLimit};
  }
  if (judged.verdict == TransferVerdict::kPosted) {
    move(transfer, judged);
    state_.posted.emplace(transfer.id, transfer);
    if (!posting.gives_back.empty()) {
      decision_.no_longer_pending.insert(*transfer.packet);
    }
    if (posting.pays()) {
      state_.paid.emplace(*transfer.packet, posting.send_key);
      if (posting.send_key) {
        state_.sent.emplace(*posting.send_key, *transfer.packet);
      }
      decision_.payments.push_back(&posting);
    }
  }
  return {outcome_of(judged.verdict)};
}

// For its day, if it has one; false: the limit is reached, and nothing was counted.
bool Decider::count(const Posting& posting) {
  if (!posting.daily_limit) {
    return true;
  }
  const auto& [day, most] = *posting.daily_limit;
  Money& counted = state_.counted[day];
  const Money then = counted.plus_clamped(posting.transfer.amount);
  if (then > most) {
    return false;
  }
  counted = then;
  decision_.counted[day] = then;
  return true;
}

// Of a payment whose transfer was not posted before; nullopt: nothing stands in its way.
std::optional<Posted> Decider::refuse_payment(const Posting& posting) const {
  CHECK(posting.transfer.packet.has_value());
  if (const auto paid = state_.paid.find(*posting.transfer.packet); paid != state_.paid.end()) {
    return paid->second == posting.send_key ? Posted{PostOutcome::kAlreadyPaid, posting.transfer.packet}
                                            : Posted{PostOutcome::kIdReused};  // an id that was given out twice
  }
  const auto sent = posting.send_key ? state_.sent.find(*posting.send_key) : state_.sent.end();
  return sent == state_.sent.end() ? std::nullopt : std::optional(Posted{PostOutcome::kAlreadyPaid, sent->second});
}

SettleOutcome Decider::settle(const Settlement& settlement) {
  VoucherNo& cursor = state_.cursors[settlement.shard];
  if (cursor != settlement.from) {
    return SettleOutcome::kElsewhere;
  }
  if (!is_sound(settlement, batch_.place.all)) {
    return SettleOutcome::kDamaged;
  }
  for (const Voucher& voucher : settlement.vouchers) {
    settle(voucher);
  }
  cursor = cursor + settlement.vouchers.size();
  decision_.cursors[settlement.shard] = cursor;
  return SettleOutcome::kSettled;
}

void Decider::settle(const Voucher& voucher) {
  VoucherEffect effect = effect_of(voucher, batch_.place);
  if (effect.ends_pending) {
    decision_.no_longer_pending.insert(voucher.packet);
  }
  auto& transfer = effect.transfer;
  if (!transfer) {
    return;
  }
  // The cursor says that this voucher was never settled, so nothing has its id; the store's unique key asserts it.
  const Judged judged = judge(*transfer, std::nullopt);
  if (judged.verdict == TransferVerdict::kPosted) {
    move(std::move(*transfer), judged);
    return;
  }
  if (!accounts_[judged.credit].was_read) {
    decision_.unread.push_back(transfer->credit);
  }
  decision_.new_deferred.push_back({std::move(*transfer), judged.verdict, 0, batch_.now + batch_.deferral});
}

RetryOutcome Decider::retry(const DeferredTransfer& deferred) {
  const std::string& id = deferred.transfer.id;
  const Judged judged = judge(deferred.transfer, find_posted(id));
  if (judged.verdict == TransferVerdict::kPosted) {
    move(deferred.transfer, judged);
    state_.posted.emplace(id, deferred.transfer);
  }
  if (judged.verdict == TransferVerdict::kPosted || judged.verdict == TransferVerdict::kDuplicate) {
    decision_.no_longer_deferred.push_back(id);
    return RetryOutcome::kPosted;
  }
  // From the attempts the caller read, so that a repeated batch counts once.
  decision_.still_deferred.push_back({deferred.transfer, judged.verdict, deferred.attempts + 1, deferred.next_at});
  return RetryOutcome::kDeferred;
}

Decider::Judged Decider::judge(const Transfer& transfer, const std::optional<Transfer>& posted) {
  const size_t debit_place = place_of(transfer.debit);
  const size_t credit_place = place_of(transfer.credit);
  const Running& debit = accounts_[debit_place];
  CHECK(debit.was_read);
  return {judge_transfer(transfer, debit.account, accounts_[credit_place].account, posted), debit_place, credit_place};
}

void Decider::move(Transfer transfer, const Judged& judged) {
  Running& debit = accounts_[judged.debit];
  Running& credit = accounts_[judged.credit];
  const Money amount = transfer.amount;
  debit.account.debits_posted += amount;
  debit.debits += amount;
  credit.account.credits_posted += amount;
  credit.credits += amount;
  decision_.transfers.push_back(
      {std::move(transfer), judged.debit, judged.credit, ++debit.transfers, ++credit.transfers});
}

std::optional<Transfer> Decider::find_posted(const std::string& id) const {
  const auto found = state_.posted.find(id);
  return found == state_.posted.end() ? std::nullopt : std::optional(found->second);
}

size_t Decider::place_of(const AccountId& account) {
  const auto [entry, is_new] = places_.try_emplace(account.text(), accounts_.size());
  if (is_new) {
    Running& running = accounts_.emplace_back();
    const auto read = state_.accounts.find(account.text());
    running.was_read = read != state_.accounts.end();
    running.account = running.was_read ? std::move(read->second) : Account{.id = account};
  }
  return entry->second;
}

void Decider::collect_moves() {
  std::vector<size_t> order;  // of those that move, places in accounts_
  for (size_t place = 0; place < accounts_.size(); ++place) {
    if (accounts_[place].transfers > 0) {
      order.push_back(place);
    }
  }
  std::ranges::sort(order, {}, [&](size_t place) { return std::string_view(accounts_[place].account.id.text()); });
  std::vector<size_t> moved_to(accounts_.size());
  for (const size_t place : order) {
    Running& running = accounts_[place];
    moved_to[place] = decision_.moves.size();
    decision_.moves.push_back({std::move(running.account.id), running.debits, running.credits, running.transfers});
  }
  for (LedgerDecision::NewTransfer& transfer : decision_.transfers) {
    transfer.debit = moved_to[transfer.debit];
    transfer.credit = moved_to[transfer.credit];
  }
}

}  // namespace

LedgerReads reads_of(const LedgerBatch& batch) {
  LedgerReads reads;
  const auto add = [&](const Transfer& transfer) {
    reads.accounts.insert({transfer.debit, transfer.credit});
    reads.transfers.insert(transfer.id);
  };
  for (const Posting& posting : batch.postings) {
    add(posting.transfer);
    if (!posting.gives_back.empty()) {
      reads.transfers.insert(posting.gives_back);
    }
    if (posting.daily_limit) {
      reads.days.insert(posting.daily_limit->day);
    }
    if (posting.pays()) {
      CHECK(posting.transfer.packet.has_value());
      reads.packets.insert(*posting.transfer.packet);
      if (posting.send_key) {
        reads.sends.insert(*posting.send_key);
      }
    }
  }
  for (const Settlement& settlement : batch.settlements) {
    reads.cursors.insert(settlement.shard);
    reads.accounts.merge(debited_accounts(settlement, batch.place));
  }
  for (const DeferredTransfer& deferred : batch.retries) {
    add(deferred.transfer);
  }
  return reads;
}

LedgerDecision decide(const LedgerBatch& batch, LedgerState state) {
  return Decider(batch, std::move(state)).decide();
}

// The second decision knows the accounts that the first should have known; as it defers other transfers, more money is
// left in an escrow, and it may meet others. The third knows all, and is final unless others make and freeze accounts.
std::optional<LedgerDecision> decide(const LedgerBatch& batch, const LedgerSteps& steps) {
  LedgerReads reads = reads_of(batch);
  for (int decisions = 1; decisions <= kDecisionsMax; ++decisions) {
    LedgerDecision decision = decide(batch, steps.read(reads));
    std::vector<AccountId> unread = decision.unread;
    if (unread.empty()) {
      unread = steps.move(decision);
    }
    if (unread.empty()) {
      return decision;
    }
    steps.undo();
    reads.accounts.insert(unread.begin(), unread.end());
    if (decisions == 2) {
      reads.accounts.merge(credited_accounts(batch));
    }
  }
  return std::nullopt;
}

}  // namespace hongbao
