// The ledger store: accounts, transfers, payments, the settlement cursors, and transfers that were refused and wait for
// another try. One database for all shards of a deployment.
//
// Threads: `commit` and `set_frozen` are called by a process's one ledger writer (service/ledger_writer.h), and several
// processes may write at once; every other function from any thread. `commit` may be repeated after an error: every
// part of it is idempotent by a natural key. What an earlier try left on its way has landed, or never will, before a
// later commit is decided.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/ledger.h"
#include "core/list_position.h"
#include "core/packet.h"

namespace hongbao {

// A transfer on its own. With `pay_token` it pays for the packet it names: at most one payment a packet and a send,
// kept as pending, with the token that holds the order, until the packet's `paid` voucher is settled; and for good
// without.
struct Posting {
  Transfer transfer;
  std::string pay_token{};
  std::optional<SendKey> send_key{};
};

enum class PostOutcome : uint8_t {
  kPosted,
  kDuplicate,
  kIdReused,
  kInsufficient,
  kFrozen,
  kTooMuch,
  kDamaged,      // what is stored contradicts it; nothing was posted
  kAlreadyPaid,  // another transfer paid this packet, or another packet of this send; nothing was posted
};

struct Posted {
  PostOutcome outcome = PostOutcome::kPosted;
  std::optional<PacketKey> paid{};  // kAlreadyPaid: the packet that was

  friend bool operator==(const Posted&, const Posted&) = default;
  friend bool operator==(const Posted& posted, PostOutcome what) { return posted.outcome == what; }
};

constexpr PostOutcome outcome_of(TransferVerdict verdict) {
  switch (verdict) {
    case TransferVerdict::kPosted:
      return PostOutcome::kPosted;
    case TransferVerdict::kDuplicate:
      return PostOutcome::kDuplicate;
    case TransferVerdict::kIdReused:
      return PostOutcome::kIdReused;
    case TransferVerdict::kInsufficient:
      return PostOutcome::kInsufficient;
    case TransferVerdict::kFrozen:
      return PostOutcome::kFrozen;
    case TransferVerdict::kTooMuch:
      break;
  }
  return PostOutcome::kTooMuch;
}

// The payments that a new one may meet: that of its packet, and the packet that was paid of its send.
struct PaidBefore {
  struct Payment {
    std::optional<SendKey> send_key;
  };
  std::optional<Payment> of_packet{};
  std::optional<PacketKey> of_send{};
};

// What a payment is told whose transfer was not posted before; nullopt: nothing stands in its way.
inline std::optional<Posted> refuse_payment(const Posting& posting, const PaidBefore& before) {
  if (before.of_packet && before.of_packet->send_key != posting.send_key) {  // an id that was given out twice
    return Posted{PostOutcome::kIdReused};
  }
  if (before.of_packet) {
    return Posted{PostOutcome::kAlreadyPaid, posting.transfer.packet};
  }
  return before.of_send ? std::optional(Posted{PostOutcome::kAlreadyPaid, before.of_send}) : std::nullopt;
}

// A piece of one shard's log. Opened and refunded vouchers post `settlement_of` (core/ledger.h), or are deferred when
// the transfer is refused; paid vouchers end the pending state of their packet's payment. The cursor moves to the end
// of the piece in the same transaction.
struct Settlement {
  ShardId shard;
  VoucherNo from;                 // must be where the cursor is, else the piece is not applied
  std::vector<Voucher> vouchers;  // numbered from, from+1, …
};

// A refused transfer's next try.
struct DeferredTransfer {
  Transfer transfer;
  TransferVerdict reason = TransferVerdict::kFrozen;
  uint32_t attempts = 0;
  Timestamp next_at;
};

// One transaction; its parts are decided in the order of the fields. A refused part does not hold back the others.
struct LedgerBatch {
  std::vector<Posting> postings;
  std::vector<Settlement> settlements;
  std::vector<DeferredTransfer>
      retries;    // as `deferred` returned them, but for next_at: when to try after another refusal
  Timestamp now;  // deferred transfers are first retried at now + deferral
  std::chrono::milliseconds deferral{1000};
};

struct LedgerResult {
  std::vector<Posted> postings;  // one for each posting
  std::vector<bool> applied;     // one for each settlement; false: the cursor was elsewhere
  std::vector<bool> retried;     // one for each retry; true: posted now (or before), no longer deferred
};

// A payment whose packet was not yet seen active by settlement.
struct PendingPayment {
  PacketKey packet;
  Money amount;
  std::string pay_token;
  Timestamp at;
};

// One consistent reading, for the audit.
struct LedgerTotals {
  uint64_t accounts = 0;
  uint64_t transfers = 0;
  Money sum_over_accounts;   // credits − debits; must be 0
  Money sum_over_transfers;  // amounts of all transfers; must equal the debits and the credits of all accounts
  Money debits_posted;
  Money credits_posted;
  uint64_t accounts_negative = 0;  // that must not be; must be 0
  struct Shard {
    ShardId shard;
    VoucherNo cursor;  // the next voucher to settle
    Money escrow;      // the balance of escrow:<shard>
    Money pending;     // payments whose `paid` voucher is not settled yet
    uint64_t pending_count = 0;
    Money deferred;  // settled vouchers whose transfer was refused and waits
    uint64_t deferred_count = 0;
  };
  std::vector<Shard> shards;  // one for each shard asked for
};

struct WalletTransfer {
  uint64_t no = 0;  // rises with every transfer of the account that is posted
  Transfer transfer;

  [[nodiscard]] ListPosition position() const { return {transfer.at, no}; }
};

class LedgerStore {
 public:
  virtual ~LedgerStore() = default;

  // kInternal: a part contradicts what is stored, which is damaged then; nothing was written.
  virtual Result<LedgerResult> commit(const LedgerBatch& batch) = 0;

  // Freezes or unfreezes an account, which is made if it does not exist.
  virtual Result<void> set_frozen(const AccountId& account, bool frozen) = 0;

  // An account that never moved reads as zero.
  virtual Result<Account> account(const AccountId& account) = 0;
  virtual Result<std::optional<Transfer>> transfer(std::string_view id) = 0;
  // By position, newest first, with position < before: by when they were caused, not when they were posted.
  virtual Result<std::vector<WalletTransfer>> transfers(const AccountId& account, ListPosition before,
                                                        size_t transfers_max) = 0;

  virtual Result<VoucherNo> cursor(ShardId shard) = 0;
  // Those of `packets` that no payment paid for. What is paid stays paid: payments are never removed.
  virtual Result<std::vector<PacketKey>> unpaid(const std::vector<PacketKey>& packets) = 0;
  // Pending payments of the shard's packets made at or before `until`, oldest first.
  virtual Result<std::vector<PendingPayment>> pending(ShardId shard, Timestamp until, size_t payments_max) = 0;
  // Deferred transfers of the shard's vouchers with next_at ≤ now, oldest first.
  virtual Result<std::vector<DeferredTransfer>> deferred(ShardId shard, Timestamp now, size_t transfers_max) = 0;

  virtual Result<LedgerTotals> totals(const std::vector<ShardId>& shards) = 0;
};

}  // namespace hongbao
