#include "service/give_back.h"

namespace hongbao {
namespace {

Transfer payment_of(const Order& order, std::string id, AccountId from, AccountId to, Timestamp now) {
  return {.id = std::move(id),
          .debit = std::move(from),
          .credit = std::move(to),
          .amount = order.total,
          .kind = TransferKind::kPaid,
          .packet = order.key,
          .at = now};
}

// The other way round.
Posting reversed(const Transfer& payment, Timestamp now) {
  return {.transfer = {.id = return_transfer_id(payment.id),
                       .debit = payment.credit,
                       .credit = payment.debit,
                       .amount = payment.amount,
                       .kind = TransferKind::kReturned,
                       .packet = payment.packet,
                       .at = now},
          .gives_back = payment.id};
}

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
  in.writer.post(reversed(payment, now), deadline,
                 [done = std::move(done)](Result<Posted> posted) mutable { done(given_back(posted)); });
}

}  // namespace

Transfer wallet_payment(const Order& order, std::string id, const Ledger& wallet, LedgerId escrow, Timestamp now) {
  return payment_of(order, std::move(id), AccountId::user(order.sender),
                    wallet.id() == escrow ? AccountId::escrow(order.key.shard) : AccountId::due(escrow), now);
}

Transfer channel_payment(const Order& order, std::string id, AccountId channel, Timestamp now) {
  return payment_of(order, std::move(id), std::move(channel), AccountId::escrow(order.key.shard), now);
}

void give_back(const LedgerSet& ledgers, Ledger& in, const Order& order, const Transfer& payment, Timestamp now,
               SteadyTime deadline, Done<GivenBack> done) {
  if (payment.debit.is_user()) {
    reverse(in, payment, now, deadline, std::move(done));
    return;
  }
  Ledger* const wallet = ledgers.of(WalletOwner{order.sender, order.sender_home});
  if (wallet == nullptr) {
    done(fail(ErrorCode::kUnavailable, "the sender's wallet is in another region"));
    return;
  }
  Posting credit{.transfer = {.id = payment.id,
                              .debit = payment.debit,
                              .credit = AccountId::user(order.sender),
                              .amount = payment.amount,
                              .kind = TransferKind::kDeposit,
                              .packet = payment.packet,
                              .at = now}};
  wallet->writer.post(std::move(credit), deadline,
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
