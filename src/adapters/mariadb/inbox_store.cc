#include "adapters/mariadb/inbox_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "adapters/mariadb/ledger_rows.h"
#include "base/check.h"

namespace hongbao {

using mariadb::Database;
using mariadb::guarded;
using mariadb::read_packet_key;
using mariadb::Rows;
using mariadb::ValueRows;

const std::vector<SchemaStep>& inbox_schema_steps() {
  // InnoDB keeps the primary key at the end of every index entry: the indexes are sorted by (user, position).
  constexpr std::string_view user = "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL";
  static const std::vector<SchemaStep> steps{{
      fmt::format(
          "CREATE TABLE IF NOT EXISTS sent(position BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, user {}, shard "
          "SMALLINT NOT NULL, day INT NOT NULL, local BIGINT UNSIGNED NOT NULL, total BIGINT NOT NULL, refunded "
          "BIGINT NOT NULL, paid_at BIGINT NOT NULL, UNIQUE KEY packet(shard, day, local), KEY by_user(user)) "
          "ENGINE = InnoDB",
          user),
      fmt::format("CREATE TABLE IF NOT EXISTS received(position BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, user {}, "
                  "shard SMALLINT NOT NULL, day INT NOT NULL, local BIGINT UNSIGNED NOT NULL, seq INT UNSIGNED NOT "
                  "NULL, amount BIGINT NOT NULL, opened_at BIGINT NOT NULL, voucher BIGINT UNSIGNED NOT NULL, KEY "
                  "by_user(user)) ENGINE = InnoDB",
                  user),
      fmt::format(
          "CREATE TABLE IF NOT EXISTS year_total(user {}, year SMALLINT NOT NULL, sent_count BIGINT UNSIGNED "
          "NOT NULL, sent_total BIGINT NOT NULL, refunded_total BIGINT NOT NULL, received_count BIGINT UNSIGNED "
          "NOT NULL, received_total BIGINT NOT NULL, PRIMARY KEY(user, year)) ENGINE = InnoDB",
          user),
      "CREATE TABLE IF NOT EXISTS fed_to(shard SMALLINT PRIMARY KEY, next_voucher BIGINT UNSIGNED NOT NULL) ENGINE = "
      "InnoDB",
  }};
  return steps;
}

namespace {

uint64_t clamp(uint64_t value) {
  return std::min<uint64_t>(value, std::numeric_limits<int64_t>::max());
}

void add(const Voucher& voucher, YearSummary& year) {
  switch (voucher.kind) {
    case VoucherKind::kPaid:
      ++year.sent_count;
      year.sent_total += voucher.amount;
      return;
    case VoucherKind::kOpened:
      ++year.received_count;
      year.received_total += voucher.amount;
      return;
    case VoucherKind::kRefunded:
      year.refunded_total += voucher.amount;
      return;
  }
  CHECK(false);
}

// A batch's rows for each table. Texts are the batch's.
struct InboxRows {
  ValueRows sent;
  ValueRows refunded;
  ValueRows received;
  std::map<std::pair<std::string_view, int>, YearSummary> years;  // sorted, so that writers lock in one order

  void add_voucher(const Voucher& voucher) {
    const auto& [shard, day, local] = voucher.packet;
    switch (voucher.kind) {
      case VoucherKind::kPaid:
        sent.add(voucher.user, shard, day, local, voucher.amount, voucher.at);
        break;
      case VoucherKind::kOpened:
        received.add(voucher.user, shard, day, local, voucher.seq, voucher.amount, voucher.at, voucher.no);
        break;
      case VoucherKind::kRefunded:
        refunded.add(voucher.amount, shard, day, local);
        break;
    }
    add(voucher, years[{voucher.user.text(), Day::of(voucher.at).year()}]);
  }
};

}  // namespace

MariadbInboxStore::Session::Session(Database opened)
    : database_(std::move(opened)),
      insert_cursor_(database_.prepare("INSERT IGNORE INTO fed_to VALUES (?, 1)")),
      select_cursor_(database_.prepare("SELECT next_voucher FROM fed_to WHERE shard = ? FOR UPDATE")),
      update_cursor_(database_.prepare("UPDATE fed_to SET next_voucher = ? WHERE shard = ?")),
      insert_sent_(database_.prepare(
          "INSERT INTO sent(user, shard, day, local, total, refunded, paid_at) VALUES (?,?,?,?,?,0,?)")),
      set_refunded_(database_.prepare("UPDATE sent SET refunded = ? WHERE shard = ? AND day = ? AND local = ?")),
      insert_received_(database_.prepare(
          "INSERT INTO received(user, shard, day, local, seq, amount, opened_at, voucher) VALUES (?,?,?,?,?,?,?,?)")),
      add_year_(database_.prepare(
          "INSERT INTO year_total VALUES (?,?,?,?,?,?,?) ON DUPLICATE KEY UPDATE sent_count = sent_count + "
          "VALUES(sent_count), sent_total = sent_total + VALUES(sent_total), refunded_total = refunded_total + "
          "VALUES(refunded_total), received_count = received_count + VALUES(received_count), received_total = "
          "received_total + VALUES(received_total)")) {}

VoucherNo MariadbInboxStore::Session::lock_cursor(ShardId shard) {
  for (bool made = false;; made = true) {
    Rows rows = select_cursor_.query(shard);
    if (rows.next()) {
      return {rows.count(0)};
    }
    CHECK(!made);
    (void)insert_cursor_.run(shard);
  }
}

bool MariadbInboxStore::Session::apply(const InboxBatch& batch) {
  if (lock_cursor(batch.shard) != batch.from) {
    database_.rollback();
    return false;
  }
  InboxRows rows;
  VoucherNo next = batch.from;
  for (const Voucher& voucher : batch.vouchers) {
    CHECK(voucher.no == next && voucher.packet.shard == batch.shard);
    rows.add_voucher(voucher);
    next = next + 1;
  }
  (void)insert_sent_.run_all(rows.sent);
  (void)insert_received_.run_all(rows.received);
  if (set_refunded_.run_all(rows.refunded) != rows.refunded.rows()) {
    log_error("refunded_packet_not_in_inbox", {{"shard", to_text(batch.shard)}, {"from", batch.from.value}});
  }
  ValueRows years;
  for (const auto& [key, year] : rows.years) {
    years.add(key.first, key.second, year.sent_count, year.sent_total, year.refunded_total, year.received_count,
              year.received_total);
  }
  (void)add_year_.run_all(years);
  (void)update_cursor_.run(next, batch.shard);
  database_.commit();
  return true;
}

MariadbInboxStore::Reader::Reader(Database opened)
    : database(std::move(opened)),
      cursor(database.prepare("SELECT next_voucher FROM fed_to WHERE shard = ?")),
      sent(database.prepare("SELECT position, shard, day, local, total, refunded, paid_at FROM sent WHERE user = ? AND "
                            "position < ? ORDER BY position DESC LIMIT ?")),
      received(database.prepare("SELECT position, shard, day, local, seq, amount, opened_at, voucher FROM received "
                                "WHERE user = ? AND position < ? ORDER BY position DESC LIMIT ?")),
      year(database.prepare("SELECT sent_count, sent_total, refunded_total, received_count, received_total FROM "
                            "year_total WHERE user = ? AND year = ?")) {}

Result<std::unique_ptr<MariadbInboxStore>> MariadbInboxStore::open(const MariadbServer& server,
                                                                   const DatabaseName& database) {
  if (auto ready = require_schema(server, database); !ready) {
    return std::unexpected(ready.error());
  }
  return std::unique_ptr<MariadbInboxStore>(new MariadbInboxStore(server, database.name));
}

MariadbInboxStore::MariadbInboxStore(const MariadbServer& server, const std::string& database)
    : writer_(server, database),
      readers_(server, database, [](Database reader) { return std::make_unique<Reader>(std::move(reader)); }) {}

template <class Function>
auto MariadbInboxStore::read(std::string_view what, Function function) {
  return guarded(what, [&] { return readers_.use(function); });
}

Result<bool> MariadbInboxStore::apply(const InboxBatch& batch) {
  return writer_.run("inbox_store.apply", [&](Session& session) { return session.apply(batch); });
}

Result<VoucherNo> MariadbInboxStore::cursor(ShardId shard) {
  return read("inbox_store.cursor", [&](Reader& reader) {
    Rows rows = reader.cursor.query(shard);
    return rows.next() ? VoucherNo{rows.count(0)} : VoucherNo{};
  });
}

Result<std::vector<SentEntry>> MariadbInboxStore::sent(const UserId& user, uint64_t before, size_t entries_max) {
  return read("inbox_store.sent", [&](Reader& reader) {
    Rows rows = reader.sent.query(user, clamp(before), clamp(entries_max));
    std::vector<SentEntry> entries;
    while (rows.next()) {
      entries.push_back({.position = rows.count(0),
                         .packet = read_packet_key(rows, 1),
                         .total = rows.money(4),
                         .refunded = rows.money(5),
                         .paid_at = {rows.integer(6)}});
    }
    return entries;
  });
}

Result<std::vector<ReceivedEntry>> MariadbInboxStore::received(const UserId& user, uint64_t before,
                                                               size_t entries_max) {
  return read("inbox_store.received", [&](Reader& reader) {
    Rows rows = reader.received.query(user, clamp(before), clamp(entries_max));
    std::vector<ReceivedEntry> entries;
    while (rows.next()) {
      entries.push_back({.position = rows.count(0),
                         .packet = read_packet_key(rows, 1),
                         .seq = static_cast<uint32_t>(rows.integer(4)),
                         .amount = rows.money(5),
                         .opened_at = {rows.integer(6)},
                         .voucher = {rows.count(7)}});
    }
    return entries;
  });
}

Result<YearSummary> MariadbInboxStore::summary(const UserId& user, int year) {
  return read("inbox_store.summary", [&](Reader& reader) {
    Rows rows = reader.year.query(user, year);
    YearSummary summary;
    if (rows.next()) {
      summary = {.sent_count = rows.count(0),
                 .sent_total = rows.money(1),
                 .refunded_total = rows.money(2),
                 .received_count = rows.count(3),
                 .received_total = rows.money(4)};
    }
    return summary;
  });
}

}  // namespace hongbao
