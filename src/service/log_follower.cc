#include "service/log_follower.h"

#include <algorithm>

#include "base/check.h"

namespace hongbao {
namespace {

// Keeps the part that continues at `cursor`: drops repeats, what is not of this shard, and whatever comes behind a gap.
void keep_contiguous(std::vector<Voucher>& vouchers, ShardId shard, VoucherNo cursor) {
  std::erase_if(vouchers, [&](const Voucher& voucher) { return voucher.no < cursor || voucher.packet.shard != shard; });
  uint64_t count = 0;
  while (count < vouchers.size() && vouchers[count].no == cursor + count) {
    ++count;
  }
  vouchers.resize(count);
}

}  // namespace

Result<std::vector<Voucher>> LogFollower::next(bool from_log) {
  const VoucherNo from = cursor();
  auto vouchers = stream_.fetch(follower_, {shard_, term_, from, vouchers_max_});
  if (!vouchers && !from_log) {
    return vouchers;
  }
  if (!vouchers) {
    vouchers.emplace();  // a stream that is down must not hold back what the log has
  }
  const bool gap = !vouchers->empty() && vouchers->back().no >= from;
  keep_contiguous(*vouchers, shard_, from);
  if (vouchers->empty() && (gap || from_log)) {
    vouchers = log_.read_log(from, vouchers_max_);
  }
  for (size_t i = 0; vouchers && i < vouchers->size(); ++i) {
    CHECK((*vouchers)[i].no == from + i);
  }
  return vouchers;
}

}  // namespace hongbao
