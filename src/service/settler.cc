#include "service/settler.h"

#include <algorithm>

#include "base/log.h"
#include "service/blocking.h"
#include "service/store_check.h"

namespace hongbao {

Settler::Settler(const VoucherLogs& logs, VoucherStream& stream, Ledger& ledger, const Control& control,
                 const Ownership& ownership, size_t batch_vouchers_max, prometheus::Registry& registry)
    : ledger_(ledger),
      control_(control),
      ownership_(ownership),
      loop_("settlement", stream, batch_vouchers_max,
            [this](bool from_log) { return ask<size_t>([&](auto done) { step(from_log, std::move(done)); }).get(); }),
      settled_(add_counter(registry, "hongbao_settled_vouchers_total", "Vouchers settled in the ledger.")) {
  for (const auto& [shard, log] : logs) {
    followers_.emplace_back(settlement_of(ledger.id()), shard, stream, *log, batch_vouchers_max);
  }
}

Result<void> Settler::prepare() {
  return find_places(followers_, ledger_.store, ownership_);
}

void Settler::step(bool from_log, Done<size_t> done) {
  auto round = collect(from_log);
  if (!round) {
    done(std::unexpected(round.error()));
    return;
  }
  if (round->pieces.empty()) {
    done(size_t{0});
    return;
  }
  std::vector<Settlement> pieces = std::move(round->pieces);
  ledger_.writer.settle(std::move(pieces),
                        [this, round = std::move(*round), done = std::move(done)](auto outcomes) mutable {
                          if (!outcomes) {
                            std::ranges::for_each(round.owners, &LogFollower::lose_place);
                            done(std::unexpected(outcomes.error()));
                            return;
                          }
                          const size_t settled = move_on(round, *outcomes);
                          settled_.Increment(static_cast<double>(settled));
                          done(settled);
                        });
}

// What there is to settle, of every shard whose log can be read: one that is down holds up no other. Its error is told
// when there is nothing else to do.
Result<Settler::Round> Settler::collect(bool from_log) {
  Round round;
  if (!control_.is_on(Switch::kSettlement)) {
    return round;
  }
  if (auto found = prepare(); !found) {
    return std::unexpected(found.error());
  }
  std::optional<Error> first_error;
  for (LogFollower& follower : followers_) {
    if (!follower.has_place()) {
      continue;
    }
    auto vouchers = follower.next(from_log);
    const auto checked =
        vouchers ? stop_at_unpaid(follower.shard(), *vouchers) : Result<void>(std::unexpected(vouchers.error()));
    if (!checked) {
      first_error = first_error.value_or(checked.error());
    } else if (!vouchers->empty()) {
      round.owners.push_back(&follower);
      round.sizes.push_back(vouchers->size());
      round.pieces.push_back({follower.shard(), follower.cursor(), std::move(*vouchers)});
    }
  }
  if (round.pieces.empty() && first_error) {
    return std::unexpected(*first_error);
  }
  return round;
}

// A packet without its payment would be credited from the escrow of others: the ledger is an older copy than the
// orders, or lost. Its shard stands still there; the audit differs, and the next start refuses.
Result<void> Settler::stop_at_unpaid(ShardId shard, std::vector<Voucher>& vouchers) {
  const auto unpaid = find_unpaid(ledger_.id(), ledger_.store, vouchers);
  if (!unpaid) {
    return std::unexpected(unpaid.error());
  }
  if (unpaid->count == 0) {
    stopped_.erase(shard);
    has_stopped_.store(!stopped_.empty());
    return {};
  }
  const Voucher& first = *unpaid->first;
  if (stopped_.insert(shard).second) {
    log_error("payment_missing", {{"ledger", to_text(ledger_.id())},
                                  {"shard", to_text(shard)},
                                  {"voucher", first.no.value},
                                  {"amount", first.amount.fen()},
                                  {"effect", "this shard is not settled any more: restore a backup"}});
  }
  has_stopped_.store(true);
  vouchers.resize(first.no.value - vouchers.front().no.value);
  return {};
}

// Returns how many vouchers were settled.
size_t Settler::move_on(const Round& round, const std::vector<SettleOutcome>& outcomes) {
  size_t settled = 0;
  for (size_t i = 0; i < round.owners.size(); ++i) {
    if (outcomes[i] == SettleOutcome::kSettled) {
      round.owners[i]->advance(round.sizes[i]);
      settled += round.sizes[i];
    } else {
      round.owners[i]->lose_place();
    }
  }
  return settled;
}

}  // namespace hongbao
