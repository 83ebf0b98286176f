// After the load: waits until vouchers are settled and expired packets refunded, then holds the server to the history —
// every packet and share, a sample of wallets, and the audit. While the load still runs only what can't change is
// checked. One thread calls; it uses several of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/load/findings.h"
#include "apps/load/history.h"
#include "apps/load/packet_check.h"
#include "apps/load/session.h"
#include "base/result.h"
#include "core/money.h"

namespace hongbao::load {

inline constexpr std::chrono::seconds kSettleWaitMax{60};
inline constexpr size_t kWalletSampleMax = 500;

// How to reach a server, and with what rights.
struct Server {
  ResolvedAddress api;
  ResolvedAddress admin;
  std::string admin_header;               // whole header lines
  std::vector<std::string> user_headers;  // by user
};

// By shard, its number of vouchers, written or settled, in the server's whole life.
using VoucherCounts = std::map<std::string, uint64_t>;
struct SettlementProgress {
  VoucherCounts vouchers;
  VoucherCounts settled;

  [[nodiscard]] uint64_t settled_sum() const;
  // Whether all that is in `awaited` is settled here.
  [[nodiscard]] bool has_settled(const VoucherCounts& awaited) const;
};
Result<SettlementProgress> read_settlement(Session& admin, const std::string& admin_header, SteadyTime deadline);

struct Verdict {
  Findings findings;
  uint64_t packets = 0;  // checked
  uint64_t shares = 0;
  uint64_t wallets = 0;
  uint64_t settled_vouchers = 0;  // of the server's whole life
  uint64_t refunded_packets = 0;
  Money refunded_amount;
  uint64_t active_packets = 0;              // which expire only after the wait
  std::optional<int64_t> audit_difference;  // none: the audit could not be asked
};

class Verifier {
 public:
  // Both outlive it.
  Verifier(const Server& server, const RunRecord& run);
  Verdict verify();
  // Waits for nothing: only that every answered share is there, and the audit.
  Verdict verify_live();

 private:
  void wait_for_refunds();
  void wait_for_settlement();
  void check_packets();
  void check_answered_shares();
  void check_wallets();
  void check_audit();

  Result<JsonAnswer> get(Session& session, const std::string& path, const std::string& headers);
  Result<PacketSeen> fetch_packet(Session& session, const PacketRecord& record);
  Result<void> fetch_shares(Session& session, const PacketRecord& record, PacketSeen& seen);
  [[nodiscard]] std::vector<Money> expected_balances() const;

  const Server& server_;
  const RunRecord& run_;
  SteadyTime settled_by_;
  std::vector<size_t> paid_;    // indices of run_.packets
  std::vector<Money> refunds_;  // as run_.packets
  // The server stopped answering: what is left is not tried, for each try waits long.
  std::atomic<bool> unreachable_ = false;
  Verdict verdict_;
};

}  // namespace hongbao::load
