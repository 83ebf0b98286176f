#include "storage/log_index.h"

#include <algorithm>
#include <utility>

namespace hongbao {

void LogIndex::Snapshot::add(Day day, Range range) {
  const auto [known, is_new] = days.try_emplace(day, range);
  if (!is_new) {
    known->second = {std::min(known->second.least, range.least), std::max(known->second.greatest, range.greatest)};
  }
}

void LogIndex::replace(Snapshot snapshot) {
  const std::scoped_lock lock(mutex_);
  if (snapshot.upto >= index_.upto) {
    index_ = std::move(snapshot);
  }
}

void LogIndex::append(std::span<const Voucher> committed) {
  const std::scoped_lock lock(mutex_);
  if (committed.empty() || index_.upto != committed.front().no) {
    return;
  }
  for (const Voucher& voucher : committed) {
    const auto [entry, is_new] = index_.days.try_emplace(voucher.packet.day, Range{voucher.no, voucher.no});
    entry->second.greatest = std::max(entry->second.greatest, voucher.no);
  }
  index_.upto = committed.back().no + 1;
}

std::optional<std::vector<Day>> LogIndex::days_between(VoucherNo from, VoucherNo end) const {
  const std::scoped_lock lock(mutex_);
  if (index_.upto < end) {
    return std::nullopt;
  }
  std::vector<Day> days;
  for (const auto& [day, range] : index_.days) {
    if (range.greatest >= from && range.least < end) {
      days.push_back(day);
    }
  }
  return days;
}

}  // namespace hongbao
