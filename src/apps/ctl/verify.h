// `hongbaoctl verify`: recomputes a finished packet's draws from its revealed seed. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/packet.h"

namespace hongbao {

struct Claim {
  std::string packet_id;
  std::string seed_hex;
  std::string commitment_hex;
  Money total;
  uint32_t count = 0;
  Rule rule = Rule::kClassic;
  std::vector<Money> shares;  // as published, by seq; may be fewer than count, when the packet expired
};

struct Finding {
  uint32_t seq = 0;
  Money drawn;
  bool matches = true;
};

struct Verification {
  bool commitment_matches = false;
  std::vector<Finding> shares;  // for each published share; or, if none are given, for all that the seed draws
  [[nodiscard]] bool holds() const;
};

// kInvalidField for a claim that can't be a packet.
Result<Verification> verify(const Claim& claim);

}  // namespace hongbao
