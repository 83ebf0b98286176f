#include "service/refunder.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "base/log_rate.h"
#include "service/ask_all.h"

namespace hongbao {
namespace {

constexpr std::chrono::seconds kRefundDeadline{10};

bool is_refunded(const Result<ShardAnswer>& answer) {
  return answer && answer->outcome == ShardOutcome::kDone;
}

}  // namespace

void Refunder::step(Done<size_t> done) {
  const std::vector<PacketKey> packets = due();
  const SteadyTime deadline = clock_.steady_now() + kRefundDeadline;
  ask_all<ShardAnswer>(
      packets.size(),
      [&](size_t i, Done<ShardAnswer> answered) {
        shards_.find(packets[i].shard)->submit(RefundCommand{packets[i]}, deadline, std::move(answered));
      },
      [done = std::move(done)](auto answers) mutable {
        done(static_cast<size_t>(std::ranges::count_if(answers, is_refunded)));
      });
}

std::vector<PacketKey> Refunder::due() const {
  std::vector<PacketKey> packets;
  for (const auto& [shard, store] : stores_) {
    if (!shards_.owns(shard)) {
      continue;
    }
    const auto due = store->due(clock_.now(), kPacketsAtOnceMax);
    if (due) {
      std::ranges::copy(*due, std::back_inserter(packets));
    } else {
      if (const auto left_out = log_turn("refunds_not_found", to_text(shard))) {
        log_warn("refunds_not_found",
                 {{"shard", to_text(shard)}, {"error", due.error().detail}, {"suppressed", *left_out}});
      }
    }
  }
  return packets;
}

}  // namespace hongbao
