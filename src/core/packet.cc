#include "core/packet.h"

#include <array>

#include "base/check.h"
#include "core/limits.h"

namespace hongbao {
namespace {

constexpr std::array<std::string_view, 3> kKindNames{"lucky", "equal", "exclusive"};
constexpr std::array<std::string_view, 3> kRuleNames{"classic", "fair", "equal"};
constexpr std::array<std::string_view, kPacketStates> kStateNames{"awaiting_payment", "active", "exhausted", "expired"};

template <class Enum, size_t N>
std::optional<Enum> parse_name(const std::array<std::string_view, N>& names, std::string_view text) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == text) {
      return static_cast<Enum>(i + 1);
    }
  }
  return std::nullopt;
}

// Rows: states in their order; columns: events in theirs.
constexpr auto kNo = std::nullopt;
constexpr std::optional<PacketState> kTransitions[kPacketStates][kPacketEvents] = {
    // kPaid             kPaidLate              kOpened                kLastOpened               kExpired
    {PacketState::kActive, PacketState::kExpired, kNo, kNo, kNo},                      // kAwaitingPayment
    {kNo, kNo, PacketState::kActive, PacketState::kExhausted, PacketState::kExpired},  // kActive
    {kNo, kNo, kNo, kNo, kNo},                                                         // kExhausted
    {kNo, kNo, kNo, kNo, kNo},                                                         // kExpired
};

}  // namespace

std::string_view to_text(PacketKind kind) {
  return kKindNames.at(static_cast<size_t>(kind) - 1);
}
std::string_view to_text(Rule rule) {
  return kRuleNames.at(static_cast<size_t>(rule) - 1);
}
std::string_view to_text(PacketState state) {
  return kStateNames.at(static_cast<size_t>(state) - 1);
}

std::optional<PacketKind> parse_packet_kind(std::string_view text) {
  return parse_name<PacketKind>(kKindNames, text);
}
std::optional<Rule> parse_rule(std::string_view text) {
  return parse_name<Rule>(kRuleNames, text);
}

std::optional<PacketState> next_state(PacketState state, PacketEvent event) {
  return kTransitions[static_cast<int>(state) - 1][static_cast<int>(event) - 1];
}

Money draw_share(const SplitTerms& terms, Money remaining, uint32_t seq) {
  CHECK(seq >= 1 && seq <= terms.count);
  const uint32_t left = terms.count - seq + 1;
  const ShareBounds bounds{kShareLeast, kShareGreatest};
  switch (terms.rule) {
    case Rule::kClassic:
      return classic_share(remaining, left, bounds, draw_words(terms.seed, seq).draw);
    case Rule::kFair:
      return fair_share(remaining, left, bounds, draw_words(terms.seed, seq));
    case Rule::kEqual:
      return equal_share(terms.total, terms.count, seq);
  }
  CHECK(false);
}

}  // namespace hongbao
