#include "adapters/mariadb/order_store.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"

namespace hongbao {
namespace {

using mariadb::Database;
using mariadb::guarded;
using mariadb::OrderReader;

void check_numbering(const CommitBatch& batch, ShardId shard) {
  CHECK(!batch.vouchers.empty());
  for (size_t i = 0; i < batch.vouchers.size(); ++i) {
    CHECK(batch.vouchers[i].no == batch.expected_next + i);
    CHECK(batch.vouchers[i].packet.shard == shard);
  }
}

// A new database takes the shard's name. Returns the name it has.
Result<std::string> name_of(const MariadbServer& server, const std::string& database, ShardId shard) {
  return guarded("order_store.open", [&] {
    Database connection = Database::open(server, database, Database::Mode::kWrite);
    connection.execute(fmt::format("INSERT IGNORE INTO shard VALUES (1, '{}')", to_text(shard)));
    connection.commit();
    return connection.text("SELECT name FROM shard").value_or("");
  });
}

}  // namespace

Result<std::unique_ptr<MariadbOrderStore>> MariadbOrderStore::open(const MariadbServer& server,
                                                                   const DatabaseName& database, ShardId shard) {
  if (auto ready = require_schema(server, database); !ready) {
    return std::unexpected(ready.error());
  }
  const auto name = name_of(server, database.name, shard);
  if (!name) {
    return std::unexpected(name.error());
  }
  if (*name != to_text(shard)) {
    return fail(ErrorCode::kConfig, fmt::format("{} on {} is the database of shard {}, not of {}", database.name,
                                                server.address(), *name, to_text(shard)));
  }
  return std::unique_ptr<MariadbOrderStore>(new MariadbOrderStore(server, database.name, shard));
}

MariadbOrderStore::MariadbOrderStore(const MariadbServer& server, const std::string& database, ShardId shard)
    : shard_(shard), writer_(server, database), readers_(server, database, [shard](Database reader) {
        return std::make_unique<OrderReader>(std::move(reader), shard);
      }) {}

template <class Function>
auto MariadbOrderStore::write(std::string_view what, Function function) {
  auto result = guarded(what, std::move(function));
  if (!result) {
    writer_.drop_connection();
  }
  return result;
}

template <class Function>
auto MariadbOrderStore::read(std::string_view what, Function function) {
  return guarded(what, [&] { return readers_.use(function); });
}

Result<ShardHead> MariadbOrderStore::acquire(std::string_view owner, std::chrono::milliseconds lease) {
  const auto head = write("order_store.acquire", [&] { return writer_.acquire(owner, lease); });
  if (!head) {
    return std::unexpected(head.error());
  }
  return *head ? Result<ShardHead>(**head) : fail(ErrorCode::kFenced, "the shard belongs to " + head->error());
}

Result<bool> MariadbOrderStore::renew(uint32_t epoch) {
  return write("order_store.renew", [&] { return writer_.renew(epoch); });
}

Result<void> MariadbOrderStore::release(uint32_t epoch) {
  return write("order_store.release", [&] { writer_.release(epoch); });
}

CommitOutcome MariadbOrderStore::commit(const CommitBatch& batch) {
  check_numbering(batch, shard_);
  // Even a failure before COMMIT is reported as unknown: the caller has one way back, through the head.
  const auto committed = write("order_store.commit", [&] { return writer_.commit(batch); });
  if (!committed) {
    return CommitOutcome::kUnknown;
  }
  if (!*committed) {
    return CommitOutcome::kFenced;
  }
  log_index_.append(batch.vouchers);
  return CommitOutcome::kCommitted;
}

Result<ShardHead> MariadbOrderStore::head() {
  return read("order_store.head", [](OrderReader& reader) { return reader.head(); });
}

Result<std::optional<StoredPacket>> MariadbOrderStore::load(const PacketKey& packet) {
  return read("order_store.load", [&](OrderReader& reader) { return reader.load(packet); });
}

Result<std::vector<Voucher>> MariadbOrderStore::read_log(VoucherNo from, size_t vouchers_max) {
  return read("order_store.read_log",
              [&](OrderReader& reader) { return reader.read_log(from, vouchers_max, log_index_); });
}

Result<std::vector<PacketKey>> MariadbOrderStore::due(Timestamp now, size_t packets_max) {
  return read("order_store.due", [&](OrderReader& reader) { return reader.due(now, packets_max); });
}

Result<OrderTotals> MariadbOrderStore::totals(VoucherNo since) {
  return read("order_store.totals", [&](OrderReader& reader) { return reader.totals(since); });
}

Result<std::vector<PacketViolation>> MariadbOrderStore::violations(size_t max) {
  return read("order_store.violations", [&](OrderReader& reader) { return reader.violations(max); });
}

}  // namespace hongbao
