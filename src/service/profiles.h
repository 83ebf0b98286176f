// The profiles of users, as they came with their tokens. They live in the two cache levels only: a profile that is lost
// comes back when its user acts again, and other nodes show a change a few minutes late. Any thread; callbacks run
// inline or where the cache runs them.
#pragma once

#include <functional>
#include <vector>

#include "core/ids.h"
#include "core/profile.h"
#include "ports/cache.h"
#include "service/cache_reads.h"
#include "service/near_cache.h"

namespace hongbao {

class Profiles {
 public:
  static constexpr std::chrono::days kTtl{30};
  static constexpr std::chrono::minutes kNearTtl{5};
  static constexpr std::chrono::seconds kUnsureTtl{10};  // nobody has it, or the cache did not take it
  static constexpr NearCacheLimits kNearLimits{.entries_max = 65'536, .callers_waiting_max = 16'384};
  static constexpr size_t kAskedTogetherMax = 200;

  // All outlive it.
  Profiles(Cache& cache, const Clock& clock, prometheus::Registry& registry)
      : cache_(cache), near_("profiles", kNearLimits, clock, registry), reads_(registry, "profiles") {}

  // What the user's token says now; null, which is nothing, makes what it said before be forgotten. Costs a look into
  // this process's memory when it was known.
  void remember(const UserId& user, ProfileRef profile);

  // Null when it is not known, for whatever reason.
  void find(const UserId& user, std::move_only_function<void(ProfileRef)> done);
  // In the same order. Only the first kAskedTogetherMax are looked for; the others are null.
  void find_all(const std::vector<UserId>& users, std::move_only_function<void(std::vector<ProfileRef>)> done);

 private:
  using Near = NearCache<UserId, ProfileRef>;

  void find(const UserId& user, Done<ProfileRef> done);

  Cache& cache_;
  Near near_;
  CacheReads reads_;
};

}  // namespace hongbao
