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

Result<void> check_ledger(ShardId shard, VoucherLog& log, LedgerId id, LedgerStore& ledger) {
  const auto settled = ledger.cursor(shard);
  const auto head = settled ? log.head() : std::unexpected(settled.error());
  if (!head) {
    return std::unexpected(head.error());
  }
  const VoucherNo next = head->next_voucher;
  if (auto good = check_cursor(shard, "ledger", *settled, next); !good) {
    return good;
  }
  const auto unpaid = find_unpaid(id, ledger, log, *settled, next);
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

Result<void> check_inbox(ShardId shard, VoucherLog& log, InboxStore& inbox) {
  const auto listed = inbox.cursor(shard);
  const auto head = listed ? log.head() : std::unexpected(listed.error());
  return head ? check_cursor(shard, "inbox", *listed, head->next_voucher) : std::unexpected(head.error());
}

}  // namespace

Result<UnpaidVouchers> find_unpaid(LedgerId id, LedgerStore& ledger, const std::vector<Voucher>& vouchers) {
  const auto is_paid_here = [id](const Voucher& voucher) {
    return voucher.kind == VoucherKind::kPaid && voucher.paid_in == id;
  };
  std::vector<PacketKey> packets;
  for (const Voucher& voucher : vouchers) {
    if (is_paid_here(voucher)) {
      packets.push_back(voucher.packet);
    }
  }
  UnpaidVouchers found;
  const auto unpaid = packets.empty() ? Result<std::vector<PacketKey>>(packets) : ledger.unpaid(packets);
  if (!unpaid) {
    return std::unexpected(unpaid.error());
  }
  for (const Voucher& voucher : vouchers) {
    if (is_paid_here(voucher) && std::ranges::find(*unpaid, voucher.packet) != unpaid->end()) {
      ++found.count;
      found.total += voucher.amount;
      found.first = found.first.value_or(voucher);
    }
  }
  return found;
}

Result<UnpaidVouchers> find_unpaid(LedgerId id, LedgerStore& ledger, VoucherLog& log, VoucherNo from, VoucherNo end) {
  UnpaidVouchers found;
  while (from < end) {
    const auto piece = log.read_log(from, std::min<size_t>(kVouchersAtOnce, end.value - from.value));
    const auto unpaid = piece ? find_unpaid(id, ledger, *piece) : std::unexpected(piece.error());
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

Result<void> check_stores(const VoucherLogs& logs, const std::map<LedgerId, LedgerStore*>& ledgers, InboxStore& inbox) {
  for (const auto& [shard, log] : logs) {
    for (const auto& [id, ledger] : ledgers) {
      if (auto good = check_ledger(shard, *log, id, *ledger); !good) {
        return good;
      }
    }
    if (auto good = check_inbox(shard, *log, inbox); !good) {
      return good;
    }
  }
  return {};
}

}  // namespace hongbao
