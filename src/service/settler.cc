#include "service/settler.h"

namespace hongbao {

Settler::Settler(const std::map<ShardId, OrderStore*>& logs, VoucherStream& stream, LedgerStore& store,
                 LedgerWriter& writer, const Control& control, size_t batch_vouchers_max,
                 prometheus::Registry& registry)
    : store_(store),
      writer_(writer),
      control_(control),
      loop_("settlement", stream, [this](bool from_log) { return step(from_log); }),
      settled_(add_counter(registry, "hongbao_settled_vouchers_total", "Vouchers settled in the ledger.")) {
  for (const auto& [shard, log] : logs) {
    followers_.emplace_back(shard, stream, *log, batch_vouchers_max);
  }
}

Result<void> Settler::prepare() {
  return seek_to_cursors(followers_, store_);
}

Result<size_t> Settler::step(bool from_log) {
  if (!control_.is_on(Switch::kSettlement)) {
    return size_t{0};
  }
  std::vector<Settlement> pieces;
  std::vector<LogFollower*> owners;
  for (LogFollower& follower : followers_) {
    auto vouchers = follower.next(from_log);
    if (!vouchers) {
      return std::unexpected(vouchers.error());
    }
    if (!vouchers->empty()) {
      pieces.push_back({follower.shard(), follower.cursor(), std::move(*vouchers)});
      owners.push_back(&follower);
    }
  }
  if (pieces.empty()) {
    return size_t{0};
  }
  std::vector<size_t> sizes;
  for (const Settlement& piece : pieces) {
    sizes.push_back(piece.vouchers.size());
  }
  const auto applied = writer_.settle(std::move(pieces));
  size_t count = 0;
  for (size_t i = 0; i < owners.size(); ++i) {
    if (applied && (*applied)[i]) {
      owners[i]->seek(owners[i]->cursor() + sizes[i]);
      count += sizes[i];
    } else if (auto sought = seek_to_cursor(*owners[i], store_); !sought) {  // the database knows where we are
      return std::unexpected(sought.error());
    }
  }
  if (!applied) {
    return std::unexpected(applied.error());
  }
  settled_.Increment(static_cast<double>(count));
  return count;
}

}  // namespace hongbao
