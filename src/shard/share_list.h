// The shares of one packet, in the order they were opened. One writer appends; any thread reads the published prefix
// without a lock. Shares never move once appended: the writer appends, commits, and then publishes with a release store
// that readers acquire. What is appended but not published is decided but not durable, and only the writer sees it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "core/ids.h"
#include "core/money.h"

namespace hongbao {

struct Share {
  uint32_t seq = 0;  // from 1
  UserId user;
  Money amount;
  Timestamp opened_at;
  VoucherNo voucher;
};

class ShareList {
 public:
  // Room for `count` shares; memory for them is taken as they are appended.
  explicit ShareList(uint32_t count);

  // The writer's side.
  void append(Share share);
  void publish() { published_.store(appended_, std::memory_order_release); }
  [[nodiscard]] uint32_t appended() const { return appended_; }
  [[nodiscard]] const Share* find_appended(const UserId& user) const { return find(user, appended_); }

  // Any thread.
  [[nodiscard]] uint32_t published() const { return published_.load(std::memory_order_acquire); }
  [[nodiscard]] const Share* find_published(const UserId& user) const { return find(user, published()); }
  // REQUIRES: index < published(), or the caller is the writer and index < appended().
  [[nodiscard]] const Share& at(uint32_t index) const { return chunks_[index / kChunk]->shares[index % kChunk]; }

  // Of the first `count` shares, in constant time. REQUIRES: 1 ≤ count, as for `at(count - 1)`.
  [[nodiscard]] Money sum(uint32_t count) const { return chunks_[(count - 1) / kChunk]->sums[(count - 1) % kChunk]; }

  // Memory in bytes, for the eviction limit.
  [[nodiscard]] size_t bytes() const;

 private:
  static constexpr uint32_t kChunk = 8;
  // Up to this many shares a scan beats an index.
  static constexpr uint32_t kScanMax = 16;

  struct Chunk {
    std::array<Share, kChunk> shares;
    std::array<Money, kChunk> sums;  // of all shares up to and with this one
  };

  [[nodiscard]] const Share* find(const UserId& user, uint32_t visible) const;
  [[nodiscard]] const Share* find_indexed(const UserId& user, uint32_t visible) const;

  const uint32_t count_;
  uint32_t appended_ = 0;
  std::atomic<uint32_t> published_{0};
  std::unique_ptr<std::unique_ptr<Chunk>[]> chunks_;
  // Open addressing over users, for packets with more than kScanMax shares: a slot holds index + 1, or 0.
  uint32_t slot_mask_ = 0;
  std::unique_ptr<std::atomic<uint32_t>[]> slots_;
};

}  // namespace hongbao
