// Which ledger has what. A ledger is a database of accounts; a region has one, or several to share the load. A user's
// wallet is in one for good: one of the region that the user is at home in, by a hash of the user. A shard's escrow is
// in one of the shard's region, by the shard's number. What one ledger owes another stands in both, as between branches
// of a bank (docs/adr/0020).
//
// Pure; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"

namespace hongbao {

// Printed "s0".
struct LedgerId {
  Region region = Region::kSouth;
  uint8_t number = 0;

  friend constexpr auto operator<=>(LedgerId, LedgerId) = default;
};
std::string to_text(LedgerId ledger);
std::optional<LedgerId> parse_ledger_id(std::string_view text);

// Every ledger of a deployment.
class Ledgers {
 public:
  static constexpr uint8_t kCountMax = 16;  // of a region

  // How many each region has; 0: it is not in the deployment. Every node of both has to have the same: a wallet would
  // be in two ledgers otherwise. REQUIRES: both at most kCountMax.
  constexpr explicit Ledgers(uint8_t south = 1, uint8_t north = 0) : south_(south), north_(north) {}

  [[nodiscard]] constexpr uint8_t count(Region region) const { return region == Region::kSouth ? south_ : north_; }
  [[nodiscard]] constexpr bool has(LedgerId ledger) const { return ledger.number < count(ledger.region); }
  [[nodiscard]] std::vector<LedgerId> all() const;

  // The one with the wallet of a user who is at home there. REQUIRES: the region is in the deployment.
  [[nodiscard]] LedgerId of(const UserId& user, Region home) const;
  // The one with the shard's escrow. REQUIRES: the shard is of the deployment.
  [[nodiscard]] constexpr LedgerId of(ShardId shard) const {
    const uint8_t count = this->count(shard.region);
    return {shard.region, static_cast<uint8_t>(count > 1 ? shard.number % count : 0)};
  }

  friend constexpr bool operator==(Ledgers, Ledgers) = default;

 private:
  uint8_t south_;
  uint8_t north_;
};

// One ledger among them.
struct LedgerPlace {
  LedgerId self{};
  Ledgers all{};
};

}  // namespace hongbao
