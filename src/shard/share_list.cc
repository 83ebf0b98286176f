#include "shard/share_list.h"

#include <bit>

#include "base/check.h"

namespace hongbao {

ShareList::ShareList(uint32_t count) : count_(count) {
  CHECK(count >= 1);
  chunks_ = std::make_unique<std::unique_ptr<Chunk>[]>((count + kChunk - 1) / kChunk);
  if (count > kScanMax) {
    const uint32_t slots = std::bit_ceil(count * 2);
    slot_mask_ = slots - 1;
    slots_ = std::make_unique<std::atomic<uint32_t>[]>(slots);
  }
}

void ShareList::append(Share share) {
  CHECK(appended_ < count_);
  CHECK(share.seq == appended_ + 1);
  auto& chunk = chunks_[appended_ / kChunk];
  if (!chunk) {
    chunk = std::make_unique<Chunk>();
  }
  chunk->sums[appended_ % kChunk] = share.amount + (appended_ == 0 ? Money(0) : sum(appended_));
  const size_t hash = std::hash<UserId>()(share.user);
  chunk->shares[appended_ % kChunk] = std::move(share);
  ++appended_;
  if (slots_) {
    auto slot = static_cast<uint32_t>(hash) & slot_mask_;
    while (slots_[slot].load(std::memory_order_relaxed) != 0) {
      slot = (slot + 1) & slot_mask_;
    }
    slots_[slot].store(appended_, std::memory_order_release);
  }
}

const Share* ShareList::find(const UserId& user, uint32_t visible) const {
  if (slots_) {
    return find_indexed(user, visible);
  }
  for (uint32_t i = 0; i < visible; ++i) {
    if (at(i).user == user) {
      return &at(i);
    }
  }
  return nullptr;
}

const Share* ShareList::find_indexed(const UserId& user, uint32_t visible) const {
  auto slot = static_cast<uint32_t>(std::hash<UserId>()(user)) & slot_mask_;
  while (true) {
    const uint32_t entry = slots_[slot].load(std::memory_order_acquire);
    if (entry == 0) {
      return nullptr;
    }
    // Entries at `visible` and behind may belong to a batch that never commits.
    if (entry <= visible && at(entry - 1).user == user) {
      return &at(entry - 1);
    }
    slot = (slot + 1) & slot_mask_;
  }
}

size_t ShareList::bytes() const {
  const size_t chunks = (appended_ + kChunk - 1) / kChunk;
  return (count_ + kChunk - 1) / kChunk * sizeof(chunks_[0]) + chunks * sizeof(Chunk) +
         (slots_ ? (slot_mask_ + 1) * sizeof(slots_[0]) : 0);
}

}  // namespace hongbao
