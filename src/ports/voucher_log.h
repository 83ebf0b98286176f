// A shard's voucher log, for those who follow it: settlement, inbox, checks. The order store is what holds it.
//
// Threads: any, at any time; only committed vouchers are seen.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <vector>

#include "base/result.h"
#include "core/voucher.h"

namespace hongbao {

struct ShardHead {
  uint32_t epoch = 0;      // rises by one with every acquisition; a writer with an older one is fenced
  VoucherNo next_voucher;  // the number the next committed voucher gets
  friend bool operator==(const ShardHead&, const ShardHead&) = default;
};

class VoucherLog {
 public:
  virtual ~VoucherLog() = default;

  virtual Result<ShardHead> head() = 0;
  // Up to `vouchers_max` vouchers numbered `from` and up, ascending, without a gap; fewer at the end of the log.
  virtual Result<std::vector<Voucher>> read_log(VoucherNo from, size_t vouchers_max) = 0;
};

// The logs of several shards. Whoever has their order stores has these.
struct VoucherLogs : std::map<ShardId, VoucherLog*> {
  using std::map<ShardId, VoucherLog*>::map;
  template <std::derived_from<VoucherLog> Store>
  VoucherLogs(const std::map<ShardId, Store*>& stores) : std::map<ShardId, VoucherLog*>(stores.begin(), stores.end()) {}
};

}  // namespace hongbao
