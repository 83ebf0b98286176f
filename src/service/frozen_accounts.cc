#include "service/frozen_accounts.h"

#include <fmt/format.h>

#include <iterator>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao {

FrozenAccounts::FrozenAccounts(const LedgerSet& ledgers, prometheus::Registry& registry)
    : ledgers_(ledgers),
      gauge_(add_gauge(registry, "hongbao_frozen_accounts", "Users who are frozen, as this process knows them.")) {}

bool FrozenAccounts::contains(const UserId& user) const {
  if (size_.load(std::memory_order_relaxed) == 0) {
    return false;
  }
  const std::shared_lock lock(mutex_);
  return users_.contains(user);
}

Result<void> FrozenAccounts::has_room() const {
  if (size_.load(std::memory_order_relaxed) >= kMax) {
    return fail(ErrorCode::kOverloaded, fmt::format("{} accounts are frozen, and no more can be", kMax));
  }
  return {};
}

Result<void> FrozenAccounts::refresh() {
  uint64_t sets_before = 0;
  {
    const std::shared_lock lock(mutex_);
    sets_before = sets_;
  }
  Users users;
  for (const auto& ledger : ledgers_.all()) {
    auto frozen = ledger->store.frozen(kMax + 1);
    if (!frozen) {
      if (const auto left_out = log_turn("frozen_accounts_unread")) {
        log_warn("frozen_accounts_unread", {{"error", frozen.error().detail}, {"suppressed", *left_out}});
      }
      return std::unexpected(std::move(frozen.error()));
    }
    users.insert(std::move_iterator(frozen->begin()), std::move_iterator(frozen->end()));
  }
  if (users.size() > kMax) {  // several processes froze the last ones at once
    if (const auto left_out = log_turn("frozen_accounts_cut")) {
      log_warn("frozen_accounts_cut", {{"frozen_max", kMax}, {"suppressed", *left_out}});
    }
  }
  const std::unique_lock lock(mutex_);
  if (sets_ == sets_before) {  // else the next refresh is newer than what was set
    users_ = std::move(users);
    count();
  }
  return {};
}

void FrozenAccounts::set(const UserId& user, bool frozen) {
  const std::unique_lock lock(mutex_);
  ++sets_;
  if (frozen) {
    users_.insert(user);
  } else {
    users_.erase(user);
  }
  count();
}

// REQUIRES: the mutex is held.
void FrozenAccounts::count() {
  size_.store(users_.size(), std::memory_order_relaxed);
  gauge_.Set(static_cast<double>(users_.size()));
}

}  // namespace hongbao
