// A voucher stream that loses, repeats, reorders and is written to by strangers, and is down now and then. It keeps
// every message it did not lose, also those of a time before the stores went back to an older copy, and may deliver any
// of them again at any time. One thread.
#pragma once

#include <map>
#include <string>

#include "core/voucher_batch.h"
#include "ports/voucher_stream.h"
#include "sim/environment.h"

namespace hongbao::sim {

class SimStream final : public VoucherStream {
 public:
  explicit SimStream(Environment& env) : env_(env) {}

  void publish(ShardId shard, Term term, std::span<const Voucher> vouchers) override;
  Result<std::vector<Voucher>> fetch(Follower follower, const Want& want) override;
  void acknowledge(Follower, ShardId, VoucherNo) override {}
  void leave(Follower, ShardId) override {}
  void wait(uint64_t&, std::chrono::milliseconds) override {}

 private:
  struct Message {
    VoucherNo last;
    std::string bytes;
  };
  // What a stranger would have followers believe about `want`.
  std::string forge(const Want& want);

  Environment& env_;
  const VoucherBatchCodec codec_{Key256{1}};
  std::map<ShardId, std::vector<Message>> messages_;
};

}  // namespace hongbao::sim
