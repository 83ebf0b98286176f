#include "sim/sim_stream.h"

#include <algorithm>
#include <iterator>

namespace hongbao::sim {
namespace {

Voucher share_of_mallory(const VoucherStream::Want& want) {
  return {.no = want.from,
          .packet = {want.shard, Day::of(kNoon), LocalNo::of(1, 1)},
          .kind = VoucherKind::kOpened,
          .seq = 1,
          .user = UserId::trusted("mallory"),
          .amount = Money(15'000),
          .at = kNoon};
}

}  // namespace

void SimStream::publish(ShardId shard, Term term, std::span<const Voucher> vouchers) {
  env_.faults.crash_if(Fault::kCrashOnPublish);
  if (!env_.faults.strikes(Fault::kStreamLost)) {
    messages_[shard].push_back({vouchers.back().no, codec_.print({shard, term, {vouchers.begin(), vouchers.end()}})});
  }
}

std::string SimStream::forge(const Want& want) {
  if (messages_.empty() || env_.dice.one_in(2)) {
    return VoucherBatchCodec(Key256{}).print({want.shard, want.term, {share_of_mallory(want)}});
  }
  const std::vector<Message>& of_any = std::next(messages_.begin(), env_.dice.below(messages_.size()))->second;
  std::string changed = of_any[env_.dice.below(of_any.size())].bytes;
  if (env_.dice.one_in(4)) {
    return changed;  // of another shard, perhaps
  }
  changed[env_.dice.below(changed.size())] ^= static_cast<char>(1U << env_.dice.below(8));
  return changed;
}

Result<std::vector<Voucher>> SimStream::fetch(Follower, const Want& want) {
  if (env_.faults.strikes(Fault::kStreamDown)) {
    return fail(ErrorCode::kUnavailable, "the simulated stream is down");
  }
  static const std::vector<Message> kNone;
  const auto known = messages_.find(want.shard);
  const std::vector<Message>& all = known == messages_.end() ? kNone : known->second;
  std::vector<std::string_view> delivered;
  for (const Message& message : all) {
    if (message.last >= want.from) {
      delivered.push_back(message.bytes);
    }
  }
  if (!all.empty() && env_.faults.strikes(Fault::kStreamRepeated)) {
    delivered.insert(delivered.begin(), all[env_.dice.below(all.size())].bytes);
  }
  if (delivered.size() > 1 && env_.faults.strikes(Fault::kStreamReordered)) {
    std::swap(delivered.front(), delivered[env_.dice.below(delivered.size())]);
  }
  std::string forged;
  if (env_.faults.strikes(Fault::kStreamForged)) {
    forged = forge(want);
    delivered.insert(delivered.begin(), forged);
  }
  std::vector<Voucher> out;
  for (const std::string_view message : delivered) {
    auto batch = codec_.parse(want.shard, message);
    if (batch && batch->term == want.term) {
      out.insert(out.end(), batch->vouchers.begin(), batch->vouchers.end());
    }
    if (out.size() >= want.vouchers_max) {
      break;
    }
  }
  return out;
}

}  // namespace hongbao::sim
