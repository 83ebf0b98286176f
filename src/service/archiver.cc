#include "service/archiver.h"

#include <algorithm>

#include "base/log.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kBusyPause{50};

}  // namespace

Archiver::Archiver(const ShardSet& shards, const std::map<ShardId, OrderStore*>& stores, const LedgerSet& ledgers,
                   InboxStore& inbox, const Clock& clock, ArchiverOptions options, Busy busy,
                   prometheus::Registry& registry)
    : shards_(shards),
      stores_(stores),
      ledgers_(ledgers),
      inbox_(inbox),
      clock_(clock),
      options_(options),
      busy_(std::move(busy)),
      moved_(add_counter(registry, "hongbao_archived_days_total", "Days of a shard moved to cold storage.")),
      failed_(add_counter(registry, "hongbao_archive_failures_total", "Moves of a day that failed.")) {}

void Archiver::step() {
  {
    const std::lock_guard lock(mutex_);
    status_ = {.running = true, .at = clock_.now()};
  }
  for (const auto& [shard, store] : stores_) {
    if (shards_.owns(shard)) {
      step(shard, *store);
    }
  }
  const std::lock_guard lock(mutex_);
  status_.running = false;
}

void Archiver::step(ShardId shard, OrderStore& store) {
  const auto followed = followed_to(shard);
  const auto days = followed ? store.days() : std::unexpected(followed.error());
  if (!days) {
    log_warn("archive_failed", {{"shard", to_text(shard)}, {"error", days.error().detail}});
    count(&ArchiveStatus::failed);
    return;
  }
  const Day hot_from{Day::of(clock_.now()).since_epoch - options_.hot_days + 1};
  for (const StoredDay& stored : *days) {
    if (stored.place == DayPlace::kCold || stored.part.day >= hot_from) {
      continue;
    }
    if (stored.place == DayPlace::kHot && stored.totals.greatest >= *followed) {
      count(&ArchiveStatus::waiting);
      continue;
    }
    move(shard, store, stored.part.day);
  }
}

void Archiver::move(ShardId shard, OrderStore& store, Day day) {
  const uint32_t epoch = shards_.find(shard)->status().epoch;
  const auto moved = store.archive(epoch, day, [this] { return go_on(); });
  if (moved && *moved) {
    log_info("day_archived", {{"shard", to_text(shard)}, {"day", day.yyyymmdd()}});
    moved_.Increment();
    count(&ArchiveStatus::moved);
  } else if (!moved && moved.error().code == ErrorCode::kUnavailable) {
    count(&ArchiveStatus::waiting);
  } else if (!moved && moved.error().code != ErrorCode::kFenced) {
    log_warn("archive_failed", {{"shard", to_text(shard)}, {"day", day.yyyymmdd()}, {"error", moved.error().detail}});
    failed_.Increment();
    count(&ArchiveStatus::failed);
  }
}

Result<VoucherNo> Archiver::followed_to(ShardId shard) {
  auto followed = inbox_.cursor(shard);
  for (const auto& ledger : ledgers_.all()) {
    const auto settled = followed ? ledger->store.cursor(shard) : followed;
    followed = settled ? Result<VoucherNo>(std::min(*followed, *settled)) : settled;
  }
  return followed;
}

bool Archiver::go_on() {
  const auto pause = std::chrono::microseconds(1'000'000) * kMoveRowsMax / options_.rows_per_s_max;
  std::unique_lock lock(mutex_);
  const auto wait = [&](auto length) { interrupted_.wait_for(lock, length, [this] { return interrupt_; }); };
  wait(pause);
  while (!interrupt_ && busy_()) {
    wait(kBusyPause);
  }
  return !interrupt_;
}

void Archiver::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupt_ = true;
  interrupted_.notify_all();
}

ArchiveStatus Archiver::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Archiver::count(uint64_t ArchiveStatus::* what) {
  const std::lock_guard lock(mutex_);
  ++(status_.*what);
}

}  // namespace hongbao
