// Carries committed vouchers from shards to their followers (settlement, inbox). The log in the order store is the
// truth; the stream only makes following it quick. A delivery may be lost, repeated or late: the follower
// (service/log_follower.h) compares with its cursor and reads gaps back from the order store. What is delivered was
// published by a process of this deployment: a stream that others can write to believes no message without its MAC
// (core/voucher_batch.h).
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/voucher_batch.h"

namespace hongbao {

// Who follows the stream; each has places of its own in it. A region's ledgers are the numbers from kSettlement on.
enum class Follower : uint8_t { kInbox, kSettlement };

constexpr Follower settlement_of(LedgerId ledger) {
  return static_cast<Follower>(static_cast<uint8_t>(Follower::kSettlement) + ledger.number);
}

// "inbox"; "settlement", "settlement1", …
inline std::string to_text(Follower follower) {
  if (follower == Follower::kInbox) {
    return "inbox";
  }
  const int number = static_cast<int>(follower) - static_cast<int>(Follower::kSettlement);
  return number == 0 ? "settlement" : "settlement" + std::to_string(number);
}

class VoucherStream {
 public:
  virtual ~VoucherStream() = default;

  // After the commit that holds them, by the shard's owner in `term`. Never blocks for long, and may drop.
  virtual void publish(ShardId shard, Term term, std::span<const Voucher> vouchers) = 0;

  // Where a follower wants to go on.
  struct Want {
    ShardId shard;
    Term term;       // whose vouchers it believes: those of another are left to the log
    VoucherNo from;  // the first number
    size_t vouchers_max;
  };
  // Vouchers of that shard and term numbered `from` and up, ascending, as far as they have come for `follower`. May be
  // empty, and may begin later than `from`. The first call makes `follower` one of the shard's followers in this
  // process.
  virtual Result<std::vector<Voucher>> fetch(Follower follower, const Want& want) = 0;
  // `follower` has committed what it made of everything below `upto`: that need not come again.
  virtual void acknowledge(Follower follower, ShardId shard, VoucherNo upto) = 0;
  // `follower` no longer follows `shard` in this process: what has not been acknowledged comes to another process.
  virtual void leave(Follower follower, ShardId shard) = 0;

  // Returns when something came for any follower since the caller's last `wait` with the same `seen`, or after
  // `timeout`. `seen` starts at 0 and is updated.
  virtual void wait(uint64_t& seen, std::chrono::milliseconds timeout) = 0;
};

}  // namespace hongbao
