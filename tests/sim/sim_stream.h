// A voucher stream that loses, repeats and reorders messages, and is down now and then. It keeps every message it did
// not lose, and may deliver any of them again at any time. One thread.
#pragma once

#include <map>

#include "ports/voucher_stream.h"
#include "sim/environment.h"

namespace hongbao::sim {

class SimStream final : public VoucherStream {
 public:
  explicit SimStream(Environment& env) : env_(env) {}

  void publish(ShardId shard, std::span<const Voucher> vouchers) override;
  Result<std::vector<Voucher>> fetch(Follower follower, ShardId shard, VoucherNo from, size_t vouchers_max) override;
  void acknowledge(Follower, ShardId, VoucherNo) override {}
  void leave(Follower, ShardId) override {}
  void wait(uint64_t&, std::chrono::milliseconds) override {}

  // As after a restart of all processes: a stream gives nothing that no process which runs has published.
  void forget() { messages_.clear(); }

 private:
  using Message = std::vector<Voucher>;

  Environment& env_;
  std::map<ShardId, std::vector<Message>> messages_;
};

}  // namespace hongbao::sim
