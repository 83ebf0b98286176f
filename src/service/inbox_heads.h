// The beginnings of users' lists in the cache: the newest entries, enough for the first two pages. Read under a claim,
// so that a reader who was overtaken by a change can't put the old list back, and erased by the inbox's follower when
// it has committed a change. An erase that fails is tried again. One that can't be remembered, or is lost with the
// process, leaves the old list for kTtl. There is no near cache above: the other nodes' would go stale.
//
// Threads: any; callbacks run inline or where the cache runs them.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "core/packet_id.h"
#include "ports/cache.h"
#include "ports/inbox_store.h"
#include "service/cache_reads.h"

namespace hongbao {

class InboxHeads {
 public:
  static constexpr size_t kEntriesMax = 101;  // two pages of 50, and one that tells whether there is a third
  static constexpr std::chrono::seconds kTtl{60};
  static constexpr size_t kErasesWaitingMax = 65'536;
  static constexpr std::chrono::milliseconds kEraseRetryPause{500};

  // All outlive it.
  InboxHeads(Cache& cache, const PacketIdCodec& ids, const Clock& clock, prometheus::Registry& registry);

  template <class Entry>
  struct Head {
    std::optional<std::vector<Entry>> entries{};  // newest first; fewer than kEntriesMax: the whole list
    uint64_t token = 0;                           // when there are none: for `fill`; 0: don't
  };

  // For SentEntry and ReceivedEntry.
  template <class Entry>
  void claim(const UserId& user, std::move_only_function<void(Head<Entry>)> done);
  // `entries`: as the store had them after `claim`, from the newest on, at most kEntriesMax.
  template <class Entry>
  void fill(const UserId& user, uint64_t token, const std::vector<Entry>& entries);

  // The inbox has these, or may have them. Cheap: `erase_changed` tells the cache, all at once.
  void changed(std::span<const Voucher> vouchers);
  // Also what failed before.
  void erase_changed();

 private:
  void erased(Result<void> erased, std::vector<std::string> keys);

  Cache& cache_;
  const PacketIdCodec& ids_;
  const Clock& clock_;
  CacheReads reads_;
  prometheus::Counter& erases_lost_;
  std::mutex mutex_;
  std::unordered_set<std::string> changed_;  // keys
  bool erasing_ = false;                     // one call is under way, and more keys gather
  SteadyTime erase_at_{};                    // not before
};

}  // namespace hongbao
