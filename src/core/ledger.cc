#include "core/ledger.h"

#include <fmt/compile.h>

#include "base/check.h"

namespace hongbao {

std::string_view to_text(TransferKind kind) {
  switch (kind) {
    case TransferKind::kDeposit:
      return "deposit";
    case TransferKind::kPaid:
      return "paid";
    case TransferKind::kOpened:
      return "opened";
    case TransferKind::kRefunded:
      return "refunded";
    case TransferKind::kReturned:
      return "returned";
  }
  CHECK(false);
}

std::string deposit_transfer_id(const UserId& user, std::string_view key) {
  return fmt::format("deposit:{}:{}", user.text(), key);
}
std::string wallet_payment_transfer_id(std::string_view packet_id) {
  return fmt::format("pay:{}", packet_id);
}
std::string channel_payment_transfer_id(std::string_view channel, std::string_view payment_id) {
  return fmt::format("channel:{}:{}", channel, payment_id);
}
std::string return_transfer_id(std::string_view payment) {
  return fmt::format("return:{}", payment);
}
std::string voucher_transfer_id(ShardId shard, VoucherNo no) {
  // Zero-padded, so that a shard's transfers are appended at one end of the index.
  return fmt::format(FMT_COMPILE("voucher:{}:{:012}"), to_text(shard), no.value);
}

namespace {

// From the escrow to the user, as it is seen in this ledger; nullopt: it is not concerned.
std::optional<Transfer> credit_of(const Voucher& voucher, LedgerId self, LedgerId escrow, LedgerId wallet) {
  const bool has_escrow = self == escrow;
  const bool has_wallet = self == wallet;
  if (!has_escrow && !has_wallet) {
    return std::nullopt;
  }
  const bool opened = voucher.kind == VoucherKind::kOpened;
  return Transfer{.id = voucher_transfer_id(voucher.packet.shard, voucher.no),
                  .debit = has_escrow ? AccountId::escrow(voucher.packet.shard) : AccountId::due(escrow),
                  .credit = has_wallet ? AccountId::user(voucher.user) : AccountId::due(wallet),
                  .amount = voucher.amount,
                  .kind = opened ? TransferKind::kOpened : TransferKind::kRefunded,
                  .packet = voucher.packet,
                  .at = voucher.at};
}

Transfer arrival_of(const Voucher& voucher) {
  return {.id = voucher_transfer_id(voucher.packet.shard, voucher.no),
          .debit = AccountId::due(voucher.paid_in),
          .credit = AccountId::escrow(voucher.packet.shard),
          .amount = voucher.amount,
          .kind = TransferKind::kPaid,
          .packet = voucher.packet,
          .at = voucher.at};
}

}  // namespace

bool names_ledgers_of(const Voucher& voucher, const Ledgers& all) {
  return all.count(voucher.home) > 0 && (voucher.kind != VoucherKind::kPaid || all.has(voucher.paid_in));
}

VoucherEffect effect_of(const Voucher& voucher, const LedgerPlace& place) {
  const LedgerId escrow = place.all.of(voucher.packet.shard);
  if (voucher.kind == VoucherKind::kPaid) {
    VoucherEffect effect{.ends_pending = voucher.paid_in == place.self};
    if (escrow == place.self && voucher.paid_in != place.self) {
      effect.transfer = arrival_of(voucher);
    }
    return effect;
  }
  return {.transfer = credit_of(voucher, place.self, escrow, place.all.of(voucher.user, voucher.home))};
}

TransferVerdict judge_transfer(const Transfer& transfer, const Account& debit, const Account& credit,
                               const std::optional<Transfer>& posted) {
  CHECK(transfer.amount >= Money(1));
  CHECK(transfer.debit != transfer.credit);
  CHECK(debit.id == transfer.debit && credit.id == transfer.credit);
  if (posted) {
    return posted->same_content(transfer) ? TransferVerdict::kDuplicate : TransferVerdict::kIdReused;
  }
  if (debit.frozen || credit.frozen) {
    return TransferVerdict::kFrozen;
  }
  if (!debit.id.may_go_negative() && debit.balance() < transfer.amount) {
    return TransferVerdict::kInsufficient;
  }
  if (debit.debits_posted.plus_clamped(transfer.amount) > kPostedMax ||
      credit.credits_posted.plus_clamped(transfer.amount) > kPostedMax) {
    return TransferVerdict::kTooMuch;
  }
  return TransferVerdict::kPosted;
}

}  // namespace hongbao
