#include "shard/share_list.h"

#include <algorithm>
#include <bit>
#include <new>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr uint64_t kShareTimeMask = (1ULL << 48) - 1;
constexpr int kVoucherLowBits = 32;

uint32_t chunks_for(uint32_t shares, uint32_t chunk) {
  return (shares + chunk - 1) / chunk;
}

}  // namespace

ShareList::ShareList(uint32_t count) : count_(count) {
  CHECK(count >= 1 && count <= kSharesPerPacketMax);
  chunks_ = std::make_unique<Stored*[]>(chunks_for(count, chunk_size()));
  if (count > kScanMax) {
    slots_ = std::make_unique<std::atomic<uint32_t>[]>(slot_mask() + 1);
  }
}

ShareList::~ShareList() {
  for (uint32_t i = 0; i < appended_; ++i) {
    std::destroy_at(place_of(i));
  }
  for (uint32_t chunk = 0; chunk < chunks_for(appended_, chunk_size()); ++chunk) {
    std::allocator<Stored>().deallocate(chunks_[chunk], room_of(chunk));
  }
}

uint32_t ShareList::room_of(uint32_t chunk) const {
  return std::min(chunk_size(), count_ - chunk * chunk_size());
}

uint32_t ShareList::slot_mask() const {
  return std::bit_ceil(count_ * 2) - 1;
}

void ShareList::append(const Share& share) {
  CHECK(appended_ < count_);
  CHECK(share.seq == appended_ + 1);
  CHECK(static_cast<uint64_t>(share.opened_at.unix_ms) <= kShareTimeMask);
  CHECK(share.voucher.value <= kVoucherMax);
  const Money sum_with_it = sum(appended_) + share.amount;
  CHECK(sum_with_it.fen() <= UINT32_MAX);
  if (const uint32_t chunk = appended_ / chunk_size(); appended_ % chunk_size() == 0) {
    chunks_[chunk] = std::allocator<Stored>().allocate(room_of(chunk));
  }
  ::new (place_of(appended_)) Stored{.user = CompactUser(share.user),
                                     .opened_at_ms = static_cast<uint64_t>(share.opened_at.unix_ms) & kShareTimeMask,
                                     .voucher_high = static_cast<uint16_t>(share.voucher.value >> kVoucherLowBits),
                                     .voucher_low = static_cast<uint32_t>(share.voucher.value),
                                     .sum_fen = static_cast<uint32_t>(sum_with_it.fen())};
  if (share.amount > amount_at(luckiest_)) {
    luckiest_ = appended_;
  }
  ++appended_;
  if (slots_) {
    index(share.user);
  }
}

// Makes the last share findable.
void ShareList::index(const UserId& user) {
  auto slot = static_cast<uint32_t>(std::hash<UserId>()(user)) & slot_mask();
  while (slots_[slot].load(std::memory_order_relaxed) != 0) {
    slot = (slot + 1) & slot_mask();
  }
  slots_[slot].store(appended_, std::memory_order_release);
}

Money ShareList::sum(uint32_t shares) const {
  return shares == 0 ? Money(0) : Money(place_of(shares - 1)->sum_fen);
}

Share ShareList::at(uint32_t index) const {
  const Stored& stored = *place_of(index);
  return {.seq = index + 1,
          .user = stored.user.user(),
          .amount = amount_at(index),
          .opened_at = {static_cast<int64_t>(stored.opened_at_ms)},
          .voucher = {uint64_t{stored.voucher_high} << kVoucherLowBits | stored.voucher_low}};
}

std::optional<Share> ShareList::find(const UserId& user, uint32_t visible) const {
  const auto index = index_of(user, visible);
  return index ? std::optional(at(*index)) : std::nullopt;
}

std::optional<uint32_t> ShareList::index_of(const UserId& user, uint32_t visible) const {
  if (slots_) {
    return find_slot(user, visible);
  }
  for (uint32_t i = 0; i < visible; ++i) {
    if (place_of(i)->user.text() == user.text()) {
      return i;
    }
  }
  return std::nullopt;
}

std::optional<uint32_t> ShareList::find_slot(const UserId& user, uint32_t visible) const {
  const uint32_t mask = slot_mask();
  auto slot = static_cast<uint32_t>(std::hash<UserId>()(user)) & mask;
  while (true) {
    const uint32_t entry = slots_[slot].load(std::memory_order_acquire);
    if (entry == 0) {
      return std::nullopt;
    }
    // Entries at `visible` and behind may belong to a batch that never commits.
    if (entry <= visible && place_of(entry - 1)->user.text() == user.text()) {
      return entry - 1;
    }
    slot = (slot + 1) & mask;
  }
}

size_t ShareList::bytes() const {
  const uint32_t in_chunks = std::min(chunks_for(appended_, chunk_size()) * chunk_size(), count_);
  return chunks_for(count_, chunk_size()) * sizeof(Stored*) + in_chunks * sizeof(Stored) +
         (slots_ ? (slot_mask() + 1) * sizeof(slots_[0]) : 0);
}

}  // namespace hongbao
