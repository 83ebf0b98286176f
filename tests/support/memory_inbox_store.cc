#include "support/memory_inbox_store.h"

#include "base/check.h"
#include "base/log.h"

namespace hongbao {
namespace {

template <class Entry>
std::vector<Entry> page(const std::map<UserId, std::map<ListPosition, Entry>>& entries, const UserId& user,
                        ListPosition before, size_t entries_max) {
  std::vector<Entry> page;
  const auto of_user = entries.find(user);
  if (of_user == entries.end()) {
    return page;
  }
  const auto& by_position = of_user->second;
  for (auto entry = by_position.lower_bound(before); entry != by_position.begin() && page.size() < entries_max;) {
    --entry;
    page.push_back(entry->second);
  }
  return page;
}

}  // namespace

Result<bool> MemoryInboxStore::apply(const InboxBatch& batch) {
  const std::scoped_lock lock(mutex_);
  VoucherNo& cursor = cursors_[batch.shard];
  if (cursor != batch.from) {
    return false;
  }
  for (const Voucher& voucher : batch.vouchers) {
    CHECK(voucher.no == cursor && voucher.packet.shard == batch.shard);
    apply(voucher);
    cursor = cursor + 1;
  }
  return true;
}

void MemoryInboxStore::apply(const Voucher& voucher) {
  YearSummary& year = years_[{voucher.user, Day::of(voucher.at).year()}];
  if (voucher.kind == VoucherKind::kPaid) {
    const SentEntry entry{voucher.packet, voucher.amount, Money(0), voucher.at, voucher.no};
    CHECK(sent_by_packet_.try_emplace(voucher.packet, voucher.user, entry.position()).second);
    sent_[voucher.user][entry.position()] = entry;
    ++year.sent_count;
    year.sent_total += voucher.amount;
  } else if (voucher.kind == VoucherKind::kOpened) {
    const ReceivedEntry entry{voucher.packet, voucher.seq, voucher.amount, voucher.at, voucher.no};
    received_[voucher.user][entry.position()] = entry;
    ++year.received_count;
    year.received_total += voucher.amount;
  } else {
    year.refunded_total += voucher.amount;
    const auto sent = sent_by_packet_.find(voucher.packet);
    if (sent == sent_by_packet_.end()) {
      log_error("refunded_packet_not_in_inbox",
                {{"shard", to_text(voucher.packet.shard)}, {"voucher", voucher.no.value}});
      return;
    }
    sent_[sent->second.first][sent->second.second].refunded = voucher.amount;
  }
}

Result<VoucherNo> MemoryInboxStore::cursor(ShardId shard) {
  const std::scoped_lock lock(mutex_);
  const auto found = cursors_.find(shard);
  return found == cursors_.end() ? VoucherNo{} : found->second;
}

Result<std::vector<SentEntry>> MemoryInboxStore::sent(const UserId& user, ListPosition before, size_t entries_max) {
  const std::scoped_lock lock(mutex_);
  return page(sent_, user, before, entries_max);
}

Result<std::vector<ReceivedEntry>> MemoryInboxStore::received(const UserId& user, ListPosition before,
                                                              size_t entries_max) {
  const std::scoped_lock lock(mutex_);
  return page(received_, user, before, entries_max);
}

Result<YearSummary> MemoryInboxStore::summary(const UserId& user, int year) {
  const std::scoped_lock lock(mutex_);
  const auto found = years_.find({user, year});
  return found == years_.end() ? YearSummary() : found->second;
}

}  // namespace hongbao
