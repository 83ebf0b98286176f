#include "shard/shard_lease.h"

#include <algorithm>

#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao {
namespace {

std::chrono::milliseconds time_between(SteadyTime from, SteadyTime to) {
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(to - from), std::chrono::milliseconds(0));
}

}  // namespace

std::chrono::milliseconds ShardLease::left() const {
  const SteadyTime until = until_.load();
  if (until == kNever) {
    return std::chrono::milliseconds(0);
  }
  return until == kForever ? kLeaseForever : time_between(clock_.steady_now(), until);
}

std::chrono::milliseconds ShardLease::pending() const {
  const SteadyTime since = pending_since_.load();
  return since == kNever ? std::chrono::milliseconds(0) : time_between(since, clock_.steady_now());
}

Result<ShardLease::Acquired> ShardLease::acquire() {
  const SteadyTime from = clock_.steady_now();
  const auto head = store_.acquire(options_.owner, options_.lease);
  if (!head) {
    return std::unexpected(head.error());
  }
  return Acquired{*head, from};
}

std::optional<ShardLease::Acquired> ShardLease::acquire_if_due() {
  const SteadyTime now = clock_.steady_now();
  if (!wanted() || now < acquire_at_) {
    return std::nullopt;
  }
  const auto acquired = acquire();
  if (acquired) {
    return *acquired;
  }
  acquire_at_ = now + options_.acquire_pause;
  if (acquired.error().code != ErrorCode::kFenced) {
    if (const auto left_out = log_turn("shard_not_acquired", to_text(id_))) {
      log_warn("shard_not_acquired",
               {{"shard", to_text(id_)}, {"error", acquired.error().detail}, {"suppressed", *left_out}});
    }
  }
  return std::nullopt;
}

void ShardLease::hold(const Acquired& acquired) {
  term_.store(Term::of(acquired.head.epoch, clock_.now()), std::memory_order_relaxed);
  extend(acquired.from);
  if (const auto left_out = log_turn("shard_owned", to_text(id_))) {
    log_info("shard_owned", {{"shard", to_text(id_)},
                             {"owner", options_.owner.name},
                             {"epoch", acquired.head.epoch},
                             {"next_voucher", acquired.head.next_voucher.value},
                             {"suppressed", *left_out}});
  }
}

SteadyTime ShardLease::begin_commit() {
  const SteadyTime now = clock_.steady_now();
  pending_since_.store(now);
  return now;
}

void ShardLease::extend(SteadyTime from) {
  pending_since_.store(kNever);
  const bool forever = options_.lease >= kLeaseForever;
  renew_at_ = forever ? kForever : from + options_.lease / kRenewalsPerLease;
  until_.store(forever ? kForever : from + options_.lease, std::memory_order_release);
}

ShardLease::Kept ShardLease::keep() {
  const SteadyTime now = clock_.steady_now();
  if (now < renew_at_) {
    return Kept::kYes;
  }
  pending_since_.store(now);
  const auto renewed = store_.renew(epoch());
  if (renewed && *renewed) {
    extend(now);
    return Kept::kYes;
  }
  if (renewed) {
    return Kept::kLost;
  }
  if (owns()) {
    pending_since_.store(kNever);
    renew_at_ = now + options_.acquire_pause;
    return Kept::kYes;
  }
  return Kept::kUnknown;
}

void ShardLease::give_back() {
  until_.store(kNever);  // before anybody else may take it
  if (const auto released = store_.release(epoch()); !released) {
    log_warn("lease_not_released", {{"shard", to_text(id_)}, {"error", released.error().detail}});
  }
}

void ShardLease::let_go() {
  until_.store(kNever);
  pending_since_.store(kNever);
  acquire_at_ = clock_.steady_now() + options_.acquire_pause;
}

void ShardLease::log_loss() {
  const auto tenure = store_.tenure();
  if (const auto left_out = log_turn("shard_lost", to_text(id_))) {
    log_warn("shard_lost", {{"shard", to_text(id_)},
                            {"epoch", epoch()},
                            {"owner", tenure ? tenure->owner : "unknown: " + tenure.error().detail},
                            {"suppressed", *left_out}});
  }
}

Result<ShardLease::Resolved> ShardLease::resolve(const CommitBatch& batch) {
  Resolved resolved;
  Result<ShardHead> head;
  if (const auto acquired = acquire()) {
    resolved.acquired = *acquired;
    head = acquired->head;
  } else if (acquired.error().code == ErrorCode::kFenced) {
    head = store_.head();
  } else {
    head = std::unexpected(acquired.error());
  }
  if (!head) {
    return std::unexpected(head.error());
  }
  if (!batch.vouchers.empty() && head->next_voucher != batch.expected_next) {
    const auto log = store_.read_log(batch.expected_next, batch.vouchers.size());
    if (!log) {
      return std::unexpected(log.error());
    }
    resolved.landed = *log == batch.vouchers;
  }
  pending_since_.store(kNever);
  return resolved;
}

}  // namespace hongbao
