#include "service/wallets.h"

#include <fmt/format.h>

namespace hongbao {
namespace {

constexpr std::string_view kDepositChannel = "operator";

}  // namespace

void Wallets::deposit(const UserId& user, Money amount, std::string_view key, SteadyTime deadline,
                      Done<std::string> done) {
  Transfer transfer{.id = deposit_transfer_id(user, key),
                    .debit = AccountId::channel(kDepositChannel),
                    .credit = AccountId::user(user),
                    .amount = amount,
                    .kind = TransferKind::kDeposit,
                    .at = clock_.now()};
  std::string id = transfer.id;
  const DailyLimit limit{Day::of(transfer.at), deposits_daily_max_};
  writer_.post(
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

void Wallets::freeze(const UserId& user, bool frozen, Done<Account> done) {
  if (const auto room = frozen ? frozen_.has_room() : Result<void>(); !room) {
    done(std::unexpected(room.error()));
    return;
  }
  writer_.set_frozen(
      AccountId::user(user), frozen, [this, user, frozen, done = std::move(done)](Result<void> set) mutable {
        if (!set) {
          done(std::unexpected(set.error()));
          return;
        }
        frozen_.set(user, frozen);
        account(user, [done = std::move(done)](Result<Account> found) mutable {
          done(found ? std::move(found) : fail(ErrorCode::kOutcomeUnknown, "it was set, and can't be read; ask again"));
        });
      });
}

void Wallets::account(const UserId& user, Done<Account> done) {
  read_on<Account>(
      workers_, [this, user] { return store_.account(AccountId::user(user)); }, std::move(done), flow_of(user));
}

void Wallets::transfers(const UserId& user, ListPosition before, size_t transfers_max,
                        Done<std::vector<WalletTransfer>> done) {
  read_on<std::vector<WalletTransfer>>(
      workers_,
      [this, user, before, transfers_max] { return store_.transfers(AccountId::user(user), before, transfers_max); },
      std::move(done), flow_of(user));
}

}  // namespace hongbao
