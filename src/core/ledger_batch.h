// What the ledger is asked to do in one transaction, and what became of each part. Values; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/ledger.h"
#include "core/packet.h"

namespace hongbao {

// What may be paid in on a day, of all that is counted for it, whichever process posts it.
struct DailyLimit {
  Day day;
  Money most;
};

// A transfer on its own. With `pay_token` it pays for the packet it names: at most one payment a packet and a send,
// kept as pending, with the token that holds the order, until the packet's `paid` voucher is settled; and for good
// without. REQUIRES: a packet when there is a token.
//
// With `daily_limit` it is counted for that day, once, in the transaction that posts it; and refused when the day's sum
// would pass the limit.
struct Posting {
  Transfer transfer;
  std::string pay_token{};
  std::optional<SendKey> send_key{};
  std::optional<DailyLimit> daily_limit{};
  // The id of a payment for its packet that it gives back, which is no longer pending then. It is posted only if that
  // was. REQUIRES: a packet, and no token.
  std::string gives_back{};

  [[nodiscard]] bool pays() const { return !pay_token.empty(); }
};

// A piece of one shard's log. Each voucher does here what `effect_of` says (core/ledger.h): it posts a transfer, or
// defers it when it is refused, or ends the pending state of its packet's payment. The cursor moves to the end of the
// piece in the same transaction.
struct Settlement {
  ShardId shard;
  VoucherNo from;                 // must be where the cursor is, else the piece is not applied
  std::vector<Voucher> vouchers;  // of the shard, sound, numbered from, from+1, …
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
  LedgerPlace place{};  // the ledger that it is for
  std::vector<Posting> postings;
  std::vector<Settlement> settlements;
  std::vector<DeferredTransfer>
      retries;    // as the store returned them, but for next_at: when to try after another refusal
  Timestamp now;  // deferred transfers are first retried at now + deferral
  std::chrono::milliseconds deferral{1000};
};

enum class PostOutcome : uint8_t {
  kPosted,
  kDuplicate,
  kIdReused,
  kInsufficient,
  kFrozen,
  kTooMuch,
  kDamaged,         // what is stored contradicts it; nothing was posted
  kOverDailyLimit,  // nothing was posted
  kNoPayment,       // the payment that it would give back was never posted here; nothing was posted
  kAlreadyPaid,     // another transfer paid this packet, or another packet of this send; nothing was posted
};

struct Posted {
  PostOutcome outcome = PostOutcome::kPosted;
  std::optional<PacketKey> paid{};  // kAlreadyPaid: the packet that was

  friend bool operator==(const Posted&, const Posted&) = default;
  friend bool operator==(const Posted& posted, PostOutcome what) { return posted.outcome == what; }
};

enum class SettleOutcome : uint8_t {
  kSettled,
  kElsewhere,  // the cursor is not where the piece begins; nothing was settled
  kDamaged,    // the piece is no part of a log, or what is stored contradicts it; nothing was settled
};

enum class RetryOutcome : uint8_t {
  kPosted,    // now or before; no longer deferred
  kDeferred,  // refused again
  kDamaged,   // what is stored contradicts it; it stays deferred as it was
};

// One outcome for each part, in the batch's order.
struct LedgerResult {
  std::vector<Posted> postings;
  std::vector<SettleOutcome> settlements;
  std::vector<RetryOutcome> retries;
};

}  // namespace hongbao
