#include "service/give_back.h"

namespace hongbao {
namespace {

Result<GivenBack> given_back(const Result<Posted>& posted) {
  if (!posted) {
    return std::unexpected(posted.error());
  }
  switch (posted->outcome) {
    case PostOutcome::kPosted:
    case PostOutcome::kDuplicate:
      return GivenBack::kYes;
    case PostOutcome::kNoPayment:
      return GivenBack::kNoPayment;
    case PostOutcome::kFrozen:
      return fail(ErrorCode::kAccountFrozen, "the sender's wallet is frozen");
    default:
      return fail(ErrorCode::kInternal, "the ledger's rows are damaged");
  }
}

void reverse(Ledger& in, const Transfer& payment, Timestamp now, SteadyTime deadline, Done<GivenBack> done) {
  in.writer.post({.transfer = returned(payment, now), .gives_back = payment.id}, deadline,
                 [done = std::move(done)](Result<Posted> posted) mutable { done(given_back(posted)); });
}

}  // namespace

void give_back(const LedgerSet& ledgers, Ledger& in, const Order& order, const Transfer& payment, Timestamp now,
               SteadyTime deadline, Done<GivenBack> done) {
  if (payment.debit.is_user()) {
    reverse(in, payment, now, deadline, std::move(done));
    return;
  }
  const auto wallet = ledgers.of(WalletOwner{order.sender, order.sender_home});
  if (!wallet) {
    done(std::unexpected(wallet.error()));
    return;
  }
  (*wallet)->writer.post({.transfer = channel_credit(payment, order, now)}, deadline,
                         [&in, payment, now, deadline, done = std::move(done)](Result<Posted> posted) mutable {
                           const auto credited = given_back(posted);
                           if (credited) {
                             reverse(in, payment, now, deadline, std::move(done));
                           } else {
                             done(credited);
                           }
                         });
}

}  // namespace hongbao
