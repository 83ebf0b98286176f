#include "core/ledgers.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/number.h"

namespace hongbao {

std::string to_text(LedgerId ledger) {
  return fmt::format("{}{}", static_cast<char>(ledger.region), ledger.number);
}

std::optional<LedgerId> parse_ledger_id(std::string_view text) {
  if (text.empty() ||
      (text.front() != static_cast<char>(Region::kSouth) && text.front() != static_cast<char>(Region::kNorth))) {
    return std::nullopt;
  }
  const auto number = parse_decimal<uint8_t>(text.substr(1));
  if (!number || *number >= Ledgers::kCountMax) {
    return std::nullopt;
  }
  return LedgerId{static_cast<Region>(text.front()), *number};
}

std::vector<LedgerId> Ledgers::all() const {
  std::vector<LedgerId> ids;
  for (const Region region : {Region::kSouth, Region::kNorth}) {
    for (uint8_t number = 0; number < count(region); ++number) {
      ids.push_back({region, number});
    }
  }
  return ids;
}

LedgerId Ledgers::of(const UserId& user, Region home) const {
  const uint8_t count = this->count(home);
  CHECK(count > 0);
  // Never changed: wallets lie where it says.
  constexpr Key128 kSpread{};
  const uint64_t number = count > 1 ? siphash64(kSpread, as_bytes(user.text())) % count : 0;
  return {home, static_cast<uint8_t>(number)};
}

}  // namespace hongbao
