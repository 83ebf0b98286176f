#include "service/store_check.h"

#include <fmt/format.h>

#include <algorithm>

namespace hongbao {
namespace {

constexpr size_t kVouchersAtOnce = 4'096;
constexpr std::string_view kWhatToDo =
    "they are copies of different moments; put back orders, ledger and inbox of one backup (hongbaoctl restore)";

Result<void> check_cursor(ShardId shard, std::string_view follower, VoucherNo cursor, VoucherNo next) {
  return cursor <= next
             ? Result<void>()
             : fail(ErrorCode::kConfig,
                    fmt::format("the orders of shard {0} are behind the {1}: the log ends before voucher {2}, "
                                "and the {1} has followed it to {3}: {4}",
                                to_text(shard), follower, next.value, cursor.value, kWhatToDo));
}

Result<void> check_shard(ShardId shard, VoucherLog& log, LedgerStore& ledger, InboxStore& inbox) {
  const auto settled = ledger.cursor(shard);
  const auto listed = settled ? inbox.cursor(shard) : settled;
  const auto head = listed ? log.head() : std::unexpected(listed.error());
  if (!head) {
    return std::unexpected(head.error());
  }
  const VoucherNo next = head->next_voucher;
  auto good = check_cursor(shard, "ledger", *settled, next);
  good = good ? check_cursor(shard, "inbox", *listed, next) : good;
  if (!good) {
    return good;
  }
  const auto unpaid = find_unpaid(ledger, log, *settled, next);
  if (!unpaid) {
    return std::unexpected(unpaid.error());
  }
  return unpaid->count == 0
             ? Result<void>()
             : fail(ErrorCode::kConfig,
                    fmt::format(
                        "the ledger is behind the orders of shard {}: it has no payment for packets that were paid "
                        "({} of {} fen together, the first by voucher {}): {}",
                        to_text(shard), unpaid->count, unpaid->total.fen(), unpaid->first->no.value, kWhatToDo));
}

}  // namespace

Result<UnpaidVouchers> find_unpaid(LedgerStore& ledger, const std::vector<Voucher>& vouchers) {
  std::vector<PacketKey> packets;
  for (const Voucher& voucher : vouchers) {
    if (voucher.kind == VoucherKind::kPaid) {
      packets.push_back(voucher.packet);
    }
  }
  UnpaidVouchers found;
  const auto unpaid = packets.empty() ? Result<std::vector<PacketKey>>(packets) : ledger.unpaid(packets);
  if (!unpaid) {
    return std::unexpected(unpaid.error());
  }
  for (const Voucher& voucher : vouchers) {
    if (voucher.kind == VoucherKind::kPaid && std::ranges::find(*unpaid, voucher.packet) != unpaid->end()) {
      ++found.count;
      found.total += voucher.amount;
      found.first = found.first.value_or(voucher);
    }
  }
  return found;
}

Result<UnpaidVouchers> find_unpaid(LedgerStore& ledger, VoucherLog& log, VoucherNo from, VoucherNo end) {
  UnpaidVouchers found;
  while (from < end) {
    const auto piece = log.read_log(from, std::min<size_t>(kVouchersAtOnce, end.value - from.value));
    const auto unpaid = piece ? find_unpaid(ledger, *piece) : std::unexpected(piece.error());
    if (!unpaid) {
      return unpaid;
    }
    if (piece->empty()) {
      break;
    }
    found.count += unpaid->count;
    found.total += unpaid->total;
    found.first = found.first ? found.first : unpaid->first;
    from = from + piece->size();
  }
  return found;
}

Result<void> check_stores(const VoucherLogs& logs, LedgerStore& ledger, InboxStore& inbox) {
  for (const auto& [shard, log] : logs) {
    if (auto good = check_shard(shard, *log, ledger, inbox); !good) {
      return good;
    }
  }
  return {};
}

}  // namespace hongbao
