#include "core/payment.h"

#include <utility>

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

}  // namespace

Transfer wallet_payment(const Order& order, std::string id, LedgerId wallet, LedgerId escrow, Timestamp now) {
  return payment_of(order, std::move(id), AccountId::user(order.sender),
                    wallet == escrow ? AccountId::escrow(order.key.shard) : AccountId::due(escrow), now);
}

Transfer channel_payment(const Order& order, std::string id, AccountId channel, Timestamp now) {
  return payment_of(order, std::move(id), std::move(channel), AccountId::escrow(order.key.shard), now);
}

Transfer channel_credit(const Transfer& payment, const Order& order, Timestamp now) {
  Transfer credit = payment;
  credit.credit = AccountId::user(order.sender);
  credit.kind = TransferKind::kDeposit;
  credit.at = now;
  return credit;
}

Transfer returned(const Transfer& payment, Timestamp now) {
  Transfer back = payment;
  back.id = return_transfer_id(payment.id);
  std::swap(back.debit, back.credit);
  back.kind = TransferKind::kReturned;
  back.at = now;
  return back;
}

bool is_return_of(const Transfer& transfer, const Transfer& payment) {
  return transfer.same_content(returned(payment, payment.at));
}

}  // namespace hongbao
