#include "service/refunder.h"

#include "base/log.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

constexpr std::chrono::seconds kDeadline{10};

}  // namespace

size_t Refunder::step() {
  size_t refunded = 0;
  for (const auto& [shard, store] : stores_) {
    refunded += step(shard, *store);
  }
  return refunded;
}

size_t Refunder::step(ShardId id, OrderStore& store) {
  Shard* shard = shards_.find(id);
  if (shard == nullptr) {
    return 0;
  }
  const auto due = store.due(clock_.now(), kPacketsAtOnceMax);
  if (!due) {
    log_warn("refunds_not_found", {{"shard", to_text(id)}, {"error", due.error().detail}});
    return 0;
  }
  const SteadyTime deadline = std::chrono::steady_clock::now() + kDeadline;
  std::vector<std::future<Result<ShardAnswer>>> answers;
  for (const PacketKey& packet : *due) {
    answers.push_back(
        ask<ShardAnswer>([&](auto done) { shard->submit(RefundCommand{packet}, deadline, std::move(done)); }));
  }
  size_t refunded = 0;
  for (auto& answer : answers) {
    const auto result = answer.get();
    refunded += result && result->outcome == ShardOutcome::kDone ? 1 : 0;
  }
  return refunded;
}

}  // namespace hongbao
