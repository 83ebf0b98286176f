#include "adapters/mariadb/order_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "adapters/mariadb/server_check.h"
#include "base/check.h"

namespace hongbao::mariadb {
namespace {

// A new database takes the shard's name. Returns the name it has.
Result<std::string> name_of(const Server& server, const std::string& database, ShardId shard) {
  return guarded("order_store.open", [&] {
    Database connection = Database::open(server, database, Database::Mode::kWrite);
    connection.execute(fmt::format("INSERT IGNORE INTO shard VALUES (1, '{}')", to_text(shard)));
    connection.commit();
    return connection.text("SELECT name FROM shard").value_or("");
  });
}

}  // namespace

Result<std::unique_ptr<OrderStore>> OrderStore::open(const Place& hot, const Place& cold, ShardId shard) {
  if (auto ready = require_schema(hot.server, hot.database); !ready) {
    return std::unexpected(ready.error());
  }
  const auto name = name_of(hot.server, hot.database.name, shard);
  if (!name) {
    return std::unexpected(name.error());
  }
  if (*name != to_text(shard)) {
    return fail(ErrorCode::kConfig, fmt::format("{} on {} is the database of shard {}, not of {}", hot.database.name,
                                                hot.server.address(), *name, to_text(shard)));
  }
  return std::unique_ptr<OrderStore>(
      new OrderStore({hot.server, hot.database.name, cold.server, cold.database.name}, shard));
}

Result<void> OrderStore::check_cold(const Place& cold) {
  const auto safe = check_server(cold.server, kColdConnections + kMoveConnections);
  return safe ? require_schema(cold.server, cold.database) : safe;
}

OrderStore::OrderStore(HotAndCold places, ShardId shard)
    : OrderReads(readers_, cold_),
      places_(std::move(places)),
      shard_(shard),
      writer_(places_.server, places_.database),
      mover_(places_, shard),
      cold_(places_.cold_server, places_.cold_database, shard),
      readers_(places_.server, places_.database,
               [shard](Database reader) { return std::make_unique<OrderReader<Engine>>(std::move(reader), shard); }) {}

template <class Function>
auto OrderStore::write(std::string_view what, Function function) {
  const std::lock_guard lock(writer_mutex_);
  auto result = guarded(what, std::move(function));
  if (!result) {
    writer_.drop_connection();
  }
  return result;
}

Result<ShardHead> OrderStore::acquire(const ShardOwner& owner, std::chrono::milliseconds lease) {
  const auto head = write("order_store.acquire", [&] {
    auto taken = writer_.acquire(owner, lease);
    must_acquire_ = false;
    return taken;
  });
  if (!head) {
    return std::unexpected(head.error());
  }
  return *head ? Result<ShardHead>(**head) : fail(ErrorCode::kFenced, "the shard belongs to " + head->error());
}

Result<bool> OrderStore::renew(uint32_t epoch) {
  return write("order_store.renew", [&] { return writer_.renew(epoch); });
}

Result<void> OrderStore::release(uint32_t epoch) {
  return write("order_store.release", [&] { writer_.release(epoch); });
}

CommitOutcome OrderStore::commit(const CommitBatch& batch) {
  batch.check(shard_);
  // Even a failure before COMMIT is reported as unknown: the caller has one way back, through the head.
  const auto committed = write("order_store.commit", [&]() -> std::optional<bool> {
    return must_acquire_ ? std::nullopt : std::optional(writer_.commit(batch));
  });
  if (!committed || !*committed) {
    return CommitOutcome::kUnknown;
  }
  if (!**committed) {
    return CommitOutcome::kFenced;
  }
  note_committed(batch.vouchers);
  return CommitOutcome::kCommitted;
}

Result<OrderStore::HotPacket> OrderStore::load_hot(const PacketKey& packet) {
  return hot_packet(packet);
}

Result<bool> OrderStore::archive(uint32_t epoch, Day day, const GoOn& go_on) {
  const auto all = days();
  if (!all) {
    return std::unexpected(all.error());
  }
  for (const StoredDay& stored : *all) {
    if (stored.part.day != day || stored.place == DayPlace::kCold) {
      continue;
    }
    if (stored.place == DayPlace::kHot) {
      auto totals = guarded("order_store.archive", [&]() -> Result<std::optional<DayTotals>> {
        if (mover_.has_active(stored.part)) {
          return fail(ErrorCode::kUnavailable, "a packet of the day is active");
        }
        const auto ready = check_cold({places_.cold_server, {SchemaKind::kCold, places_.cold_database}});
        return ready ? mover_.copy(epoch, stored.part, go_on) : std::unexpected(ready.error());
      });
      auto copied = totals ? std::move(*totals) : std::unexpected(totals.error());
      if (!copied || !*copied) {
        return copied ? Result<bool>(false) : std::unexpected(copied.error());
      }
      if (auto retired = retire(epoch, stored.part, **copied); !retired) {
        return std::unexpected(retired.error());
      }
    }
    if (auto dropped = guarded("order_store.archive", [&] { mover_.drop_hot(stored.part); }); !dropped) {
      return std::unexpected(dropped.error());
    }
  }
  return true;
}

Result<void> OrderStore::retire(uint32_t epoch, DayPart part, const DayTotals& totals) {
  const std::lock_guard lock(writer_mutex_);
  const auto retired = guarded("order_store.archive", [&] { return mover_.retire(epoch, part, totals); });
  writer_.forget_days();
  if (!retired) {
    must_acquire_ = true;
    return std::unexpected(retired.error());
  }
  return to_result(*retired);
}

}  // namespace hongbao::mariadb
