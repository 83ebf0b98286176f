#include "adapters/sqlite/order_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "adapters/sqlite/order_rows.h"
#include "adapters/sqlite/schema.h"
#include "base/check.h"
#include "storage/day_move.h"

namespace hongbao::sqlite {
namespace {

// A new file takes the shard's name; a file of another shard is refused.
void require_shard(Database& database, const std::string& file, ShardId shard) {
  Transaction transaction(database, Transaction::Kind::kWrite);
  database.prepare("INSERT INTO shard VALUES (1, ?) ON CONFLICT DO NOTHING").run(shard);
  const std::string name = database.text("SELECT name FROM shard");
  if (name != to_text(shard)) {
    throw SqliteError(SQLITE_MISMATCH,
                      fmt::format("{}: this is the file of shard {}, not of {}", file, name, to_text(shard)));
  }
  transaction.commit();
}

}  // namespace

Result<std::unique_ptr<OrderStore>> OrderStore::open(const std::string& file, ShardId shard, const StoreTerms& terms) {
  return opened([&] {
    Database writer = open_store(file, order_schema(), terms);
    require_shard(writer, file, shard);
    return std::unique_ptr<OrderStore>(new OrderStore(file, shard, std::move(writer)));
  });
}

OrderStore::OrderStore(const std::string& file, ShardId shard, Database writer)
    : OrderReads(readers_, cold_),
      file_(file),
      shard_(shard),
      writer_(std::move(writer)),
      cold_(std::filesystem::absolute(file).parent_path() / "cold", shard),
      readers_(file,
               [shard](Database reader) { return std::make_unique<OrderReader<Engine>>(std::move(reader), shard); }) {}

Result<ShardHead> OrderStore::acquire(const ShardOwner& owner, std::chrono::milliseconds lease) {
  const std::lock_guard lock(writer_mutex_);
  writer_.forget_prepared();
  auto head = guarded("order_store.acquire", [&] { return writer_.acquire(owner, lease); });
  if (!head) {
    return std::unexpected(head.error());
  }
  return *head ? Result<ShardHead>(**head) : fail(ErrorCode::kFenced, "the lease of another owner stands");
}

Result<bool> OrderStore::renew(uint32_t epoch) {
  const std::lock_guard lock(writer_mutex_);
  return guarded("order_store.renew", [&] { return writer_.renew(epoch); });
}

Result<void> OrderStore::release(uint32_t epoch) {
  const std::lock_guard lock(writer_mutex_);
  return guarded("order_store.release", [&] { writer_.release(epoch); });
}

CommitOutcome OrderStore::commit(const CommitBatch& batch) {
  batch.check(shard_);
  const std::lock_guard lock(writer_mutex_);
  const auto committed = guarded("order_store.commit", [&] { return writer_.commit(batch); });
  if (!committed) {
    // Even a failure before COMMIT is reported as unknown: the caller has one way back, through the head.
    writer_.forget_prepared();
    return CommitOutcome::kUnknown;
  }
  if (!*committed) {
    return CommitOutcome::kFenced;
  }
  note_committed(batch.vouchers);
  return CommitOutcome::kCommitted;
}

Result<bool> OrderStore::archive(uint32_t epoch, Day day, const GoOn& go_on) {
  const auto all = days();
  if (!all) {
    return std::unexpected(all.error());
  }
  const auto hot = std::ranges::find_if(
      *all, [&](const StoredDay& stored) { return stored.part.day == day && stored.place == DayPlace::kHot; });
  if (hot == all->end()) {
    return true;
  }
  const auto totals = copy_to_cold(hot->part, go_on);
  if (!totals || !*totals) {
    return totals ? Result<bool>(false) : std::unexpected(totals.error());
  }
  const std::lock_guard lock(writer_mutex_);
  const auto retired = guarded("order_store.archive", [&] { return writer_.retire(epoch, hot->part, **totals); });
  if (!retired) {
    writer_.forget_prepared();
    return std::unexpected(retired.error());
  }
  const auto ended = to_result(*retired);
  return ended ? Result<bool>(true) : std::unexpected(ended.error());
}

// What both sides hold; nullopt when `go_on` said no.
Result<std::optional<DayTotals>> OrderStore::copy_to_cold(DayPart part, const GoOn& go_on) {
  using Copied = Result<std::optional<DayTotals>>;
  auto copied = guarded("order_store.archive", [&]() -> Copied {
    Database database = Database::open_reader(file_);
    OrderDay hot(database, shard_, part.day, hot_tables(part));
    if (hot.has_active()) {
      return fail(ErrorCode::kUnavailable, "a packet of the day is active");
    }
    if (!cold_.copy(part, hot, go_on)) {
      return std::nullopt;
    }
    Database copy = Database::open_plain_reader(cold_.file(part));
    OrderDay cold(copy, shard_, part.day, hot_tables(part));
    return compare_day(hot, cold, go_on);
  });
  Copied result = copied ? std::move(*copied) : Copied(std::unexpected(copied.error()));
  if (!result && result.error().code == ErrorCode::kStorage) {
    cold_.erase(part);  // what a failed write left there is not to be trusted
  }
  return result;
}

}  // namespace hongbao::sqlite
