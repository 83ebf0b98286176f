#include "core/packet_audit.h"

#include <algorithm>

#include "core/limits.h"

namespace hongbao {
namespace {

// Wider than Money, whose overflow stops the process: damaged rows must be reported, not obeyed.
__extension__ typedef __int128 WideSum;  // NOLINT(modernize-use-using): not with __extension__

struct Sums {
  WideSum paid = 0;
  WideSum opened = 0;
  WideSum refunded = 0;
};

Sums sum(const std::vector<Voucher>& vouchers) {
  Sums sums;
  for (const Voucher& voucher : vouchers) {
    switch (voucher.kind) {
      case VoucherKind::kPaid:
        sums.paid += voucher.amount.fen();
        break;
      case VoucherKind::kOpened:
        sums.opened += voucher.amount.fen();
        break;
      case VoucherKind::kRefunded:
        sums.refunded += voucher.amount.fen();
        break;
    }
  }
  return sums;
}

std::vector<uint32_t> share_numbers(const std::vector<Voucher>& vouchers) {
  std::vector<uint32_t> numbers;
  for (const Voucher& voucher : vouchers) {
    if (voucher.kind == VoucherKind::kOpened) {
      numbers.push_back(voucher.seq);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

bool is_one_to_n(const std::vector<uint32_t>& sorted) {
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] != i + 1) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<std::string> broken_rule(const Order& order, PacketState state, const std::vector<Voucher>& vouchers) {
  const Sums sums = sum(vouchers);
  const WideSum total = order.total.fen();
  const auto numbers = share_numbers(vouchers);
  const bool exhausted = state == PacketState::kExhausted;
  if (sums.paid != total) {
    return "paid = total";
  }
  if (is_finished(state) && sums.opened + sums.refunded != total) {
    return "opened + refunded = total once finished";
  }
  if (sums.opened + sums.refunded > total) {
    return "opened + refunded ≤ total before it is finished";
  }
  if (!is_one_to_n(numbers)) {
    return "shares are numbered 1…n";
  }
  if (numbers.size() > order.count) {
    return "n ≤ count";
  }
  if (exhausted && numbers.size() != order.count) {
    return "n = count when exhausted";
  }
  const bool too_small = std::any_of(vouchers.begin(), vouchers.end(), [](const Voucher& voucher) {
    return voucher.kind == VoucherKind::kOpened && voucher.amount < kShareLeast;
  });
  return too_small ? std::optional<std::string>("every share is at least the least share") : std::nullopt;
}

}  // namespace hongbao
