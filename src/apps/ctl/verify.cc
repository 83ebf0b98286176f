#include "apps/ctl/verify.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"

namespace hongbao {
namespace {

Result<void> check(const Claim& claim) {
  const auto invalid = [](const char* field, std::string rule) {
    return fail(ErrorCode::kInvalidField, std::move(rule), field);
  };
  if (claim.count < 1 || claim.count > kSharesPerPacketMax) {
    return invalid("--count", fmt::format("must be from 1 to {}", kSharesPerPacketMax));
  }
  if (claim.total < kShareLeast * claim.count || claim.total > kShareGreatest * claim.count) {
    return invalid("--total",
                   fmt::format("must be from {} to {} fen for each share", kShareLeast.fen(), kShareGreatest.fen()));
  }
  if (claim.shares.size() > claim.count) {
    return invalid("--shares", "has more shares than the packet");
  }
  return {};
}

}  // namespace

bool Verification::holds() const {
  return commitment_matches && std::all_of(shares.begin(), shares.end(), [](const Finding& f) { return f.matches; });
}

Result<Verification> verify(const Claim& claim) {
  if (auto checked = check(claim); !checked) {
    return std::unexpected(checked.error());
  }
  const auto seed = from_hex(claim.seed_hex);
  Order order{.rule = claim.rule, .total = claim.total, .count = claim.count};
  if (!seed || seed->size() != order.seed.bytes.size()) {
    return fail(ErrorCode::kInvalidField, "must be 64 hexadecimal digits", "--seed");
  }
  std::copy(seed->begin(), seed->end(), order.seed.bytes.begin());

  Verification result;
  const auto committed = from_hex(claim.commitment_hex);
  result.commitment_matches =
      committed && to_hex(commitment(order.seed, claim.packet_id)) == to_hex(as_bytes(*committed));
  const bool all = claim.shares.empty();
  const auto last = static_cast<uint32_t>(all ? claim.count : claim.shares.size());
  Money remaining = claim.total;
  for (uint32_t seq = 1; seq <= last; ++seq) {
    const Money drawn = draw_share(order, remaining, seq);
    const bool matches = all || claim.shares[seq - 1] == drawn;
    result.shares.push_back({seq, drawn, matches});
    remaining -= drawn;
  }
  return result;
}

}  // namespace hongbao
