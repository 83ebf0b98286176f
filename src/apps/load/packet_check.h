// What must be true of one packet: its terms, its shares, its draws, and what its takers were answered. Pure; any
// thread.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/load/findings.h"
#include "apps/load/history.h"
#include "base/result.h"
#include "core/money.h"
#include "core/packet.h"

namespace hongbao::load {

struct ShareSeen {
  uint32_t seq = 0;
  std::string user;
  Money amount;
  uint64_t voucher = 0;
  bool luckiest = false;
};

// A packet as the API shows it.
struct PacketSeen {
  std::string id;
  PacketState state = PacketState::kActive;
  PacketKind kind = PacketKind::kLucky;
  std::optional<Rule> rule{};
  Money total;
  uint32_t count = 0;
  uint32_t opened_count = 0;
  Money opened_amount;
  std::optional<Money> refunded_amount{};
  std::string commitment;
  std::optional<std::string> seed{};        // hex
  std::optional<std::string> expires_at{};  // RFC 3339
  std::vector<ShareSeen> shares{};
};

// The object under "packet" of an answer; kMalformedJson names what is missing. Without the shares.
Result<PacketSeen> read_packet(const boost::json::object& packet);
// Appends one page of shares.
Result<void> read_shares(const boost::json::object& page, std::vector<ShareSeen>& out);

// `run.packets` is not looked at. REQUIRES: `record.paid`.
void check_packet(const RunRecord& run, const PacketRecord& record, const PacketSeen& seen, Findings& findings);

// The part of it that holds at any time, also while takers open: every share that was answered is among `shares`.
void check_answered(const RunRecord& run, const PacketRecord& record, const std::vector<ShareSeen>& shares,
                    Findings& findings);

}  // namespace hongbao::load
