#include "service/wallets.h"

#include <fmt/format.h>

namespace hongbao {
namespace {

constexpr std::string_view kDepositChannel = "operator";

}  // namespace

void Wallets::deposit(const WalletOwner& owner, Money amount, std::string_view key, SteadyTime deadline,
                      Done<std::string> done) {
  const auto ledger = ledgers_.of(owner);
  if (!ledger) {
    done(std::unexpected(ledger.error()));
    return;
  }
  Transfer transfer{.id = deposit_transfer_id(owner.user, key),
                    .debit = AccountId::channel(kDepositChannel),
                    .credit = AccountId::user(owner.user),
                    .amount = amount,
                    .kind = TransferKind::kDeposit,
                    .at = clock_.now()};
  std::string id = transfer.id;
  const DailyLimit limit{Day::of(transfer.at), deposits_daily_max_};
  (*ledger)->writer.post(
      {.transfer = std::move(transfer), .daily_limit = limit}, deadline,
      [most = limit.most, id = std::move(id), done = std::move(done)](Result<Posted> posted) mutable {
        if (!posted) {
          done(std::unexpected(posted.error()));
        } else if (*posted == PostOutcome::kPosted || *posted == PostOutcome::kDuplicate) {
          done(std::move(id));
        } else if (*posted == PostOutcome::kFrozen) {
          done(fail(ErrorCode::kAccountFrozen, "the wallet is frozen"));
        } else if (*posted == PostOutcome::kTooMuch) {
          done(fail(ErrorCode::kInvalidField, "is more than an account can take", "amount"));
        } else if (*posted == PostOutcome::kOverDailyLimit) {
          done(fail(ErrorCode::kDepositLimit,
                    fmt::format("the day's deposits would pass {} fen (admin.deposit_daily_max_fen)", most.fen())));
        } else if (*posted == PostOutcome::kDamaged) {
          done(fail(ErrorCode::kInternal, "the ledger's rows are damaged"));
        } else {
          done(fail(ErrorCode::kTransferIdReused, "this key was used for another deposit", "Idempotency-Key"));
        }
      });
}

void Wallets::freeze(const WalletOwner& owner, bool frozen, Done<Account> done) {
  const auto ledger = ledgers_.of(owner);
  if (!ledger) {
    done(std::unexpected(ledger.error()));
    return;
  }
  if (const auto room = frozen ? frozen_.has_room() : Result<void>(); !room) {
    done(std::unexpected(room.error()));
    return;
  }
  (*ledger)->writer.set_frozen(
      AccountId::user(owner.user), frozen, [this, owner, frozen, done = std::move(done)](Result<void> set) mutable {
        if (!set) {
          done(std::unexpected(set.error()));
          return;
        }
        frozen_.set(owner.user, frozen);
        account(owner, [done = std::move(done)](Result<Account> found) mutable {
          done(found ? std::move(found) : fail(ErrorCode::kOutcomeUnknown, "it was set, and can't be read; ask again"));
        });
      });
}

void Wallets::account(const WalletOwner& owner, Done<Account> done) {
  const auto ledger = ledgers_.of(owner);
  if (!ledger) {
    done(std::unexpected(ledger.error()));
    return;
  }
  read_on<Account>(
      workers_, [ledger = *ledger, owner] { return ledger->store.account(AccountId::user(owner.user)); },
      std::move(done), flow_of(owner.user));
}

void Wallets::transfers(const WalletOwner& owner, ListPosition before, size_t transfers_max,
                        Done<std::vector<WalletTransfer>> done) {
  const auto ledger = ledgers_.of(owner);
  if (!ledger) {
    done(std::unexpected(ledger.error()));
    return;
  }
  read_on<std::vector<WalletTransfer>>(
      workers_,
      [ledger = *ledger, owner, before, transfers_max] {
        return ledger->store.transfers(AccountId::user(owner.user), before, transfers_max);
      },
      std::move(done), flow_of(owner.user));
}

}  // namespace hongbao
