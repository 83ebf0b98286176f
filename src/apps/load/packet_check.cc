#include "apps/load/packet_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "apps/load/answer.h"
#include "base/crypto.h"
#include "core/limits.h"

namespace hongbao::load {
namespace {

constexpr std::array kStates{PacketState::kAwaitingPayment, PacketState::kActive, PacketState::kExhausted,
                             PacketState::kExpired};

std::optional<PacketState> parse_state(std::string_view text) {
  const auto* found = std::find_if(kStates.begin(), kStates.end(), [&](PacketState s) { return to_text(s) == text; });
  return found == kStates.end() ? std::nullopt : std::optional(*found);
}

std::optional<std::string> owned(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

void check_terms(const PacketRecord& record, const PacketSeen& seen, Findings& findings) {
  if (seen.id != record.id || seen.kind != record.kind || seen.total != record.total || seen.count != record.count ||
      (seen.rule && *seen.rule != record.rule) || seen.commitment != record.commitment) {
    findings.add("changed_terms", fmt::format("{}: not the packet that was sent", record.id));
  }
}

void check_sums(const PacketSeen& seen, Findings& findings) {
  Money sum;
  for (const ShareSeen& share : seen.shares) {
    sum += share.amount;
    if (share.amount < kShareLeast || share.amount > kShareGreatest) {
      findings.add("share_out_of_bounds",
                   fmt::format("{}: share {} of {} fen", seen.id, share.seq, share.amount.fen()));
    }
  }
  if (sum != seen.opened_amount || seen.shares.size() != seen.opened_count) {
    findings.add("shares_do_not_sum",
                 fmt::format("{}: {} shares of {} fen in all, but opened_count {} and opened_amount {}", seen.id,
                             seen.shares.size(), sum.fen(), seen.opened_count, seen.opened_amount.fen()));
  }
  if (seen.shares.size() > seen.count || sum > seen.total) {
    findings.add("over_issued", fmt::format("{}: {} of {} shares, {} of {} fen", seen.id, seen.shares.size(),
                                            seen.count, sum.fen(), seen.total.fen()));
  }
  if (seen.state == PacketState::kExhausted && (seen.shares.size() != seen.count || sum != seen.total)) {
    findings.add("exhausted_too_early", fmt::format("{}: {} of {} shares, {} of {} fen", seen.id, seen.shares.size(),
                                                    seen.count, sum.fen(), seen.total.fen()));
  }
  if (seen.state == PacketState::kExpired && sum + seen.refunded_amount.value_or(Money()) != seen.total) {
    findings.add("refund_wrong", fmt::format("{}: opened {} + refunded {} is not {} fen", seen.id, sum.fen(),
                                             seen.refunded_amount.value_or(Money()).fen(), seen.total.fen()));
  }
}

// In the order of `seq`.
void check_order(const std::vector<ShareSeen>& shares, const std::string& id, Findings& findings) {
  std::set<std::string_view> users;
  std::set<uint64_t> vouchers;
  for (size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].seq != i + 1) {
      findings.add("seq_gap", fmt::format("{}: share {} where {} should be", id, shares[i].seq, i + 1));
    }
    if (!users.insert(shares[i].user).second) {
      findings.add("opened_twice", fmt::format("{}: {} has two shares", id, shares[i].user));
    }
    if (!vouchers.insert(shares[i].voucher).second) {
      findings.add("voucher_twice", fmt::format("{}: voucher {} has two shares", id, shares[i].voucher));
    }
  }
}

void check_luckiest(const PacketSeen& seen, const std::vector<ShareSeen>& shares, Findings& findings) {
  Money greatest;
  int marked = 0;
  for (const ShareSeen& share : shares) {
    greatest = std::max(greatest, share.amount);
  }
  for (const ShareSeen& share : shares) {
    marked += share.luckiest;
    if (share.luckiest && share.amount < greatest) {
      findings.add("luckiest_wrong", fmt::format("{}: share {} is not the greatest", seen.id, share.seq));
    }
  }
  if (marked > 1) {
    findings.add("luckiest_wrong", fmt::format("{}: {} shares are marked", seen.id, marked));
  }
}

void check_answers(const RunRecord& run, const PacketRecord& record, const PacketSeen& seen,
                   const std::vector<ShareSeen>& shares, Findings& findings) {
  check_answered(run, record, shares, findings);
  const bool all_known = run.complete && !record.uncertain;
  if (all_known && shares.size() > record.shares.size()) {
    findings.add("share_unknown", fmt::format("{}: {} shares, but only {} were answered", record.id, shares.size(),
                                              record.shares.size()));
  }
  if ((record.said_exhausted && seen.state != PacketState::kExhausted) ||
      (record.said_expired && !is_finished(seen.state))) {
    findings.add("said_finished", fmt::format("{}: answered {}, but it is {}", record.id,
                                              record.said_exhausted ? "exhausted" : "expired", to_text(seen.state)));
  }
}

void check_draws(const PacketRecord& record, const PacketSeen& seen, const std::vector<ShareSeen>& shares,
                 Findings& findings) {
  const auto bytes = from_hex(seen.seed.value_or(""));
  Order order;
  if (!bytes || bytes->size() != order.seed.bytes.size()) {
    findings.add("seed_missing", fmt::format("{}: {} without its seed", seen.id, to_text(seen.state)));
    return;
  }
  std::copy(bytes->begin(), bytes->end(), order.seed.bytes.begin());
  if (to_hex(commitment(order.seed, seen.id)) != record.commitment) {
    findings.add("commitment_wrong", fmt::format("{}: the seed is not the one committed to", seen.id));
    return;
  }
  order.rule = record.rule;
  order.total = record.total;
  order.count = record.count;
  Money left = record.total;
  for (uint32_t seq = 1; seq <= shares.size() && seq <= record.count; ++seq) {
    const Money drawn = draw_share(order, left, seq);
    if (shares[seq - 1].amount != drawn) {
      findings.add("draw_wrong", fmt::format("{}: share {} is {} fen, its seed gives {}", seen.id, seq,
                                             shares[seq - 1].amount.fen(), drawn.fen()));
      return;
    }
    left -= drawn;
  }
}

}  // namespace

Result<PacketSeen> read_packet(const boost::json::object& packet) {
  const auto state = parse_state(text_of(packet, "state").value_or(""));
  const auto kind = parse_packet_kind(text_of(packet, "kind").value_or(""));
  const auto total = integer_of(packet, "total_amount");
  const auto count = integer_of(packet, "count");
  if (!state || !kind || !total || !count) {
    return fail(ErrorCode::kMalformedJson, "a packet without state, kind, total_amount or count");
  }
  PacketSeen seen;
  seen.id = text_of(packet, "id").value_or("");
  seen.state = *state;
  seen.kind = *kind;
  seen.rule = parse_rule(text_of(packet, "allocation").value_or(""));
  seen.total = Money(*total);
  seen.count = static_cast<uint32_t>(*count);
  seen.opened_count = static_cast<uint32_t>(integer_of(packet, "opened_count").value_or(0));
  seen.opened_amount = Money(integer_of(packet, "opened_amount").value_or(0));
  if (const auto refunded = integer_of(packet, "refunded_amount")) {
    seen.refunded_amount = Money(*refunded);
  }
  seen.commitment = text_of(packet, "commitment").value_or("");
  seen.seed = owned(text_of(packet, "seed"));
  seen.expires_at = owned(text_of(packet, "expires_at"));
  return seen;
}

Result<void> read_shares(const boost::json::object& page, std::vector<ShareSeen>& out) {
  const boost::json::array* shares = array_of(page, "shares");
  if (shares == nullptr) {
    return fail(ErrorCode::kMalformedJson, "a page without shares");
  }
  for (const boost::json::value& item : *shares) {
    const boost::json::object* share = item.if_object();
    if (share == nullptr || !integer_of(*share, "seq") || !integer_of(*share, "amount")) {
      return fail(ErrorCode::kMalformedJson, "a share without seq or amount");
    }
    const boost::json::value* luckiest = share->if_contains("luckiest");
    out.push_back({static_cast<uint32_t>(*integer_of(*share, "seq")),
                   std::string(text_of(*share, "user_id").value_or("")), Money(*integer_of(*share, "amount")),
                   static_cast<uint64_t>(integer_of(*share, "voucher").value_or(0)),
                   luckiest != nullptr && luckiest->is_bool() && luckiest->get_bool()});
  }
  return {};
}

void check_packet(const RunRecord& run, const PacketRecord& record, const PacketSeen& seen, Findings& findings) {
  std::vector<ShareSeen> shares = seen.shares;
  std::sort(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.seq < b.seq; });
  if (seen.state == PacketState::kAwaitingPayment) {
    findings.add("payment_lost", fmt::format("{}: was answered paid, now it awaits its payment", record.id));
  }
  check_terms(record, seen, findings);
  check_sums(seen, findings);
  check_order(shares, seen.id, findings);
  check_luckiest(seen, shares, findings);
  check_answers(run, record, seen, shares, findings);
  if (is_finished(seen.state)) {
    check_draws(record, seen, shares, findings);
  }
}

void check_answered(const RunRecord& run, const PacketRecord& record, const std::vector<ShareSeen>& shares,
                    Findings& findings) {
  for (const std::string& contradiction : record.contradictions) {
    findings.add("answers_contradict", fmt::format("{}: {}", record.id, contradiction));
  }
  for (const ShareAnswer& answer : record.shares) {
    const std::string user = run.user_name(answer.user);
    const auto found = std::find_if(shares.begin(), shares.end(), [&](const auto& s) { return s.user == user; });
    if (found == shares.end()) {
      findings.add("share_lost",
                   fmt::format("{}: share {} of {} was answered, now it is not there", record.id, answer.seq, user));
    } else if (found->seq != answer.seq || found->amount != answer.amount || found->voucher != answer.voucher) {
      findings.add("share_changed",
                   fmt::format("{}: {} was answered share {} of {} fen (voucher {}), now it is {} of {} ({})",
                               record.id, user, answer.seq, answer.amount.fen(), answer.voucher, found->seq,
                               found->amount.fen(), found->voucher));
    }
  }
}

}  // namespace hongbao::load
