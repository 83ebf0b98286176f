#include "adapters/sqlite/order_store.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/sqlite/order_rows.h"
#include "adapters/sqlite/schema.h"
#include "base/check.h"

namespace hongbao {
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

void check_numbering(const CommitBatch& batch, ShardId shard) {
  CHECK(!batch.vouchers.empty());
  for (size_t i = 0; i < batch.vouchers.size(); ++i) {
    CHECK(batch.vouchers[i].no == batch.expected_next + i);
    CHECK(batch.vouchers[i].packet.shard == shard);
  }
}

}  // namespace

Result<std::unique_ptr<SqliteOrderStore>> SqliteOrderStore::open(const std::string& file, ShardId shard) {
  return guarded("order_store.open", [&] {
    Database writer = Database::open_writer(file);
    require_schema(writer, file, order_schema());
    require_shard(writer, file, shard);
    return std::unique_ptr<SqliteOrderStore>(new SqliteOrderStore(file, shard, std::move(writer)));
  });
}

SqliteOrderStore::SqliteOrderStore(const std::string& file, ShardId shard, Database writer)
    : shard_(shard), writer_(std::move(writer)), readers_(file, [shard](Database reader) {
        return std::make_unique<SqliteOrderReader>(std::move(reader), shard);
      }) {}

Result<ShardHead> SqliteOrderStore::acquire(std::string_view owner, std::chrono::milliseconds lease) {
  writer_.forget_prepared();
  auto head = guarded("order_store.acquire", [&] { return writer_.acquire(owner, lease); });
  if (!head) {
    return std::unexpected(head.error());
  }
  return *head ? Result<ShardHead>(**head) : fail(ErrorCode::kFenced, "the lease of another owner stands");
}

Result<bool> SqliteOrderStore::renew(uint32_t epoch) {
  return guarded("order_store.renew", [&] { return writer_.renew(epoch); });
}

Result<void> SqliteOrderStore::release(uint32_t epoch) {
  return guarded("order_store.release", [&] { writer_.release(epoch); });
}

CommitOutcome SqliteOrderStore::commit(const CommitBatch& batch) {
  check_numbering(batch, shard_);
  const auto committed = guarded("order_store.commit", [&] { return writer_.commit(batch); });
  if (!committed) {
    // Even a failure before COMMIT is reported as unknown: the caller has one way back, through the head.
    writer_.forget_prepared();
    return CommitOutcome::kUnknown;
  }
  if (!*committed) {
    return CommitOutcome::kFenced;
  }
  log_index_.append(batch.vouchers);
  return CommitOutcome::kCommitted;
}

Result<ShardHead> SqliteOrderStore::head() {
  return guarded("order_store.head",
                 [&] { return readers_.use([](SqliteOrderReader& reader) { return reader.head(); }); });
}

Result<std::optional<StoredPacket>> SqliteOrderStore::load(const PacketKey& packet) {
  return guarded("order_store.load",
                 [&] { return readers_.use([&](SqliteOrderReader& reader) { return reader.load(packet); }); });
}

Result<std::vector<Voucher>> SqliteOrderStore::read_log(VoucherNo from, size_t vouchers_max) {
  return guarded("order_store.read_log", [&] {
    return readers_.use([&](SqliteOrderReader& reader) { return reader.read_log(from, vouchers_max, log_index_); });
  });
}

Result<std::vector<PacketKey>> SqliteOrderStore::due(Timestamp now, size_t packets_max) {
  return guarded("order_store.due",
                 [&] { return readers_.use([&](SqliteOrderReader& reader) { return reader.due(now, packets_max); }); });
}

Result<OrderTotals> SqliteOrderStore::totals(VoucherNo since) {
  return guarded("order_store.totals",
                 [&] { return readers_.use([&](SqliteOrderReader& reader) { return reader.totals(since); }); });
}

Result<std::vector<PacketViolation>> SqliteOrderStore::violations(size_t max) {
  return guarded("order_store.violations",
                 [&] { return readers_.use([&](SqliteOrderReader& reader) { return reader.violations(max); }); });
}

}  // namespace hongbao
