#include "sim/sim_stream.h"

#include <algorithm>

namespace hongbao::sim {

void SimStream::publish(ShardId shard, std::span<const Voucher> vouchers) {
  env_.faults.crash_if(Fault::kCrashOnPublish);
  if (!env_.faults.strikes(Fault::kStreamLost)) {
    messages_[shard].emplace_back(vouchers.begin(), vouchers.end());
  }
}

Result<std::vector<Voucher>> SimStream::fetch(Follower, ShardId shard, VoucherNo from, size_t vouchers_max) {
  if (env_.faults.strikes(Fault::kStreamDown)) {
    return fail(ErrorCode::kUnavailable, "the simulated stream is down");
  }
  const std::vector<Message>& all = messages_[shard];
  std::vector<const Message*> delivered;
  for (const Message& message : all) {
    if (message.back().no >= from) {
      delivered.push_back(&message);
    }
  }
  if (!all.empty() && env_.faults.strikes(Fault::kStreamRepeated)) {
    delivered.insert(delivered.begin(), &all[env_.dice.below(all.size())]);
  }
  if (delivered.size() > 1 && env_.faults.strikes(Fault::kStreamReordered)) {
    std::swap(delivered.front(), delivered[env_.dice.below(delivered.size())]);
  }
  std::vector<Voucher> out;
  for (const Message* message : delivered) {
    out.insert(out.end(), message->begin(), message->end());
    if (out.size() >= vouchers_max) {
      break;
    }
  }
  return out;
}

}  // namespace hongbao::sim
