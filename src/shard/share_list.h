// The shares of one packet, in the order they were opened. One writer appends; any thread reads the published prefix
// without a lock. Shares never move once appended: the writer appends, commits, and then publishes with a release store
// that readers acquire. What is appended but not published is decided but not durable, and only the writer sees it.
//
// A share takes 32 bytes here, because a million packets are in memory at midnight.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/ids.h"
#include "core/limits.h"
#include "core/money.h"
#include "core/open.h"
#include "shard/compact_user.h"

namespace hongbao {

class ShareList {
 public:
  static constexpr uint64_t kVoucherMax = (1ULL << 48) - 1;

  // Room for `count` shares; memory for them is taken as they are appended.
  explicit ShareList(uint32_t count);
  ~ShareList();
  ShareList(const ShareList&) = delete;
  ShareList& operator=(const ShareList&) = delete;

  // The writer's side.
  void append(const Share& share);
  void publish() { published_.store(appended_, std::memory_order_release); }
  [[nodiscard]] uint32_t count() const { return count_; }
  [[nodiscard]] uint32_t appended() const { return appended_; }
  [[nodiscard]] std::optional<Share> find_appended(const UserId& user) const { return find(user, appended_); }

  // Any thread.
  [[nodiscard]] uint32_t published() const { return published_.load(std::memory_order_acquire); }
  [[nodiscard]] std::optional<Share> find_published(const UserId& user) const { return find(user, published()); }
  [[nodiscard]] bool has_published(const UserId& user) const { return index_of(user, published()).has_value(); }
  // REQUIRES: index < published(), or the caller is the writer and index < appended().
  [[nodiscard]] Share at(uint32_t index) const;
  [[nodiscard]] Money amount_at(uint32_t index) const { return sum(index + 1) - sum(index); }
  // Of the first `shares` shares, in constant time. REQUIRES: as for `at(shares - 1)`, or 0.
  [[nodiscard]] Money sum(uint32_t shares) const;

  // The index of the greatest share, the earliest of equals. REQUIRES: there is one, and none is appended any more: the
  // caller has seen the packet finished, or is the writer.
  [[nodiscard]] uint32_t luckiest() const { return luckiest_; }

  // Memory in bytes, for the eviction limit.
  [[nodiscard]] size_t bytes() const;

 private:
  // Up to this many shares a scan beats an index.
  static constexpr uint32_t kScanMax = 16;
  static constexpr uint32_t kSmallChunk = 5;
  static constexpr uint32_t kLargeChunk = 64;

  struct Stored {
    CompactUser user;
    uint64_t opened_at_ms : 48;
    uint64_t voucher_high : 16;
    uint32_t voucher_low;
    uint32_t sum_fen;  // of all shares up to and with this one
  };
  static_assert(sizeof(Stored) == 32);
  static_assert(kShareGreatest.fen() * kSharesPerPacketMax <= UINT32_MAX);

  [[nodiscard]] uint32_t chunk_size() const { return count_ <= kScanMax ? kSmallChunk : kLargeChunk; }
  [[nodiscard]] uint32_t slot_mask() const;
  [[nodiscard]] uint32_t room_of(uint32_t chunk) const;
  [[nodiscard]] Stored* place_of(uint32_t index) const { return chunks_[index / chunk_size()] + index % chunk_size(); }
  [[nodiscard]] std::optional<Share> find(const UserId& user, uint32_t visible) const;
  // Of the user's share among the first `visible`.
  [[nodiscard]] std::optional<uint32_t> index_of(const UserId& user, uint32_t visible) const;
  [[nodiscard]] std::optional<uint32_t> find_slot(const UserId& user, uint32_t visible) const;
  void index(const UserId& user);

  // Raw memory, taken chunk by chunk; a share is constructed when it is appended. An array of objects with destructors
  // would remember its length in front, which makes each chunk a size class larger.
  std::unique_ptr<Stored*[]> chunks_;
  // Open addressing over users, for packets with more than kScanMax shares: a slot holds index + 1, or 0.
  std::unique_ptr<std::atomic<uint32_t>[]> slots_;
  const uint32_t count_;
  uint32_t appended_ = 0;
  uint32_t luckiest_ = 0;  // of those appended
  std::atomic<uint32_t> published_{0};
};

}  // namespace hongbao
