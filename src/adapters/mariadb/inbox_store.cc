#include "adapters/mariadb/inbox_store.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "storage/stored_inbox.h"
#include "storage/stored_rows.h"

namespace hongbao::mariadb {

namespace {

// From a position that held the time and parts of shard and voucher to (at, tie), which hold all of them. Each table
// is changed once, also when a migration that broke off is repeated.
std::string split_position(std::string_view table, bool has_packet_key) {
  return fmt::format(
      "BEGIN NOT ATOMIC IF EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND "
      "table_name = '{0}' AND column_name = 'position') THEN "
      "ALTER TABLE {0} ADD COLUMN IF NOT EXISTS at BIGINT NOT NULL DEFAULT 0 AFTER user, "
      "ADD COLUMN IF NOT EXISTS tie BIGINT NOT NULL DEFAULT 0 AFTER at; "
      "UPDATE {0} SET at = position >> 21, tie = shard << {1} | voucher; COMMIT; "
      "ALTER TABLE {0} DROP PRIMARY KEY, ADD PRIMARY KEY(user, at, tie), DROP COLUMN position, DROP COLUMN voucher{2}; "
      "END IF; END",
      table, VoucherTie::kVoucherBits, has_packet_key ? "" : ", DROP COLUMN shard");
}

}  // namespace

const std::vector<SchemaStep>& inbox_schema_steps() {
  constexpr std::string_view entry =
      "user VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, position BIGINT UNSIGNED NOT NULL, voucher "
      "BIGINT UNSIGNED NOT NULL, shard SMALLINT NOT NULL, day INT NOT NULL, local BIGINT UNSIGNED NOT NULL";
  // The packet's key is where a refund finds it.
  static const SchemaStep tables{
      fmt::format("CREATE TABLE IF NOT EXISTS sent({}, total BIGINT NOT NULL, refunded BIGINT NOT NULL, refunded_at "
                  "BIGINT, PRIMARY KEY(user, position, voucher), UNIQUE KEY packet(shard, day, local)) ENGINE = InnoDB",
                  entry),
      fmt::format("CREATE TABLE IF NOT EXISTS received({}, seq INT UNSIGNED NOT NULL, amount BIGINT NOT NULL, PRIMARY "
                  "KEY(user, position, voucher)) ENGINE = InnoDB",
                  entry),
      "CREATE TABLE IF NOT EXISTS fed_to(shard SMALLINT PRIMARY KEY, next_voucher BIGINT UNSIGNED NOT NULL) ENGINE = "
      "InnoDB",
  };
  static const SchemaStep by_time{split_position("sent", /*has_packet_key=*/true), split_position("received", false)};
  static const std::vector<SchemaStep> steps{tables, by_time};
  return steps;
}

namespace {

Timestamp begin_of(int year) {
  const auto first = Day::parse_yyyymmdd(fmt::format("{:04}0101", year));
  CHECK(first.has_value());
  return {first->since_epoch * int64_t{24 * 3600 * 1000} - Day::kUtcOffset_ms};
}

// A batch's rows for each table. Texts are the batch's.
struct InboxRows {
  ValueRows sent;
  ValueRows refunded;
  ValueRows received;

  void add(const Voucher& voucher) {
    const auto& [shard, day, local] = voucher.packet;
    const uint64_t tie = VoucherTie::of(shard, voucher.no);
    switch (voucher.kind) {
      case VoucherKind::kPaid:
        sent.add(voucher.user, voucher.at, tie, day, local, shard, voucher.amount);
        return;
      case VoucherKind::kOpened:
        received.add(voucher.user, voucher.at, tie, day, local, voucher.seq, voucher.amount);
        return;
      case VoucherKind::kRefunded:
        refunded.add(voucher.amount, voucher.at, shard, day, local);
        return;
    }
    CHECK(false);
  }
};

}  // namespace

InboxStore::Session::Session(Database opened)
    : database_(std::move(opened)),
      insert_cursor_(database_.prepare("INSERT IGNORE INTO fed_to VALUES (?, 1)")),
      select_cursor_(database_.prepare("SELECT next_voucher FROM fed_to WHERE shard = ? FOR UPDATE")),
      update_cursor_(database_.prepare("UPDATE fed_to SET next_voucher = ? WHERE shard = ?")),
      insert_sent_(database_.prepare("INSERT INTO sent(user, at, tie, day, local, shard, total, refunded) VALUES "
                                     "(?,?,?,?,?,?,?,0)")),
      set_refunded_(
          database_.prepare("UPDATE sent SET refunded = ?, refunded_at = ? WHERE shard = ? AND day = ? AND local = ?")),
      insert_received_(
          database_.prepare("INSERT INTO received(user, at, tie, day, local, seq, amount) VALUES (?,?,?,?,?,?,?)")) {}

VoucherNo InboxStore::Session::lock_cursor(ShardId shard) {
  for (bool made = false;; made = true) {
    Rows rows = select_cursor_.query(shard);
    if (rows.next()) {
      return {rows.count(0)};
    }
    require_sound(!made, "a shard has a cursor");
    (void)insert_cursor_.run(shard);
  }
}

bool InboxStore::Session::apply(const InboxBatch& batch) {
  if (lock_cursor(batch.shard) != batch.from) {
    database_.rollback();
    return false;
  }
  InboxRows rows;
  VoucherNo next = batch.from;
  for (const Voucher& voucher : batch.vouchers) {
    CHECK(voucher.no == next && voucher.packet.shard == batch.shard);
    rows.add(voucher);
    next = next + 1;
  }
  (void)insert_sent_.run_all(rows.sent);
  (void)insert_received_.run_all(rows.received);
  if (set_refunded_.run_all(rows.refunded) != rows.refunded.rows()) {
    log_error("refunded_packet_not_in_inbox", {{"shard", to_text(batch.shard)}, {"from", batch.from.value}});
  }
  (void)update_cursor_.run(next, batch.shard);
  database_.commit();
  return true;
}

InboxStore::Reader::Reader(Database opened)
    : database(std::move(opened)),
      cursor(database.prepare("SELECT next_voucher FROM fed_to WHERE shard = ?")),
      // Not (at, tie) < (?, ?), of which MariaDB makes no range of the key.
      sent(database.prepare("SELECT at, tie, day, local, total, refunded FROM sent WHERE user = ? AND at <= ? AND "
                            "(at < ? OR tie < ?) ORDER BY at DESC, tie DESC LIMIT ?")),
      received(database.prepare("SELECT at, tie, day, local, seq, amount FROM received WHERE user = ? AND at <= ? AND "
                                "(at < ? OR tie < ?) ORDER BY at DESC, tie DESC LIMIT ?")),
      sent_total(database.prepare("SELECT COUNT(*), CAST(COALESCE(SUM(total), 0) AS SIGNED) FROM sent WHERE user = ? "
                                  "AND at >= ? AND at < ?")),
      refunded_total(database.prepare("SELECT CAST(COALESCE(SUM(refunded), 0) AS SIGNED) FROM sent WHERE user = ? AND "
                                      "refunded_at >= ? AND refunded_at < ?")),
      received_total(database.prepare("SELECT COUNT(*), CAST(COALESCE(SUM(amount), 0) AS SIGNED) FROM received WHERE "
                                      "user = ? AND at >= ? AND at < ?")) {}

Result<std::unique_ptr<InboxStore>> InboxStore::open(const Server& server, const DatabaseName& database) {
  if (auto ready = require_schema(server, database); !ready) {
    return std::unexpected(ready.error());
  }
  return std::unique_ptr<InboxStore>(new InboxStore(server, database.name));
}

InboxStore::InboxStore(const Server& server, const std::string& database)
    : writer_(server, database),
      readers_(server, database, [](Database reader) { return std::make_unique<Reader>(std::move(reader)); }) {}

template <class Function>
auto InboxStore::read(std::string_view what, Function function) {
  return guarded(what, [&] { return readers_.use(function); });
}

Result<bool> InboxStore::apply(const InboxBatch& batch) {
  return writer_.run("inbox_store.apply", [&](Session& session) { return session.apply(batch); });
}

Result<VoucherNo> InboxStore::cursor(ShardId shard) {
  return read("inbox_store.cursor", [&](Reader& reader) { return read_cursor(reader.cursor.query(shard)); });
}

Result<std::vector<SentEntry>> InboxStore::sent(const UserId& user, ListPosition before, size_t entries_max) {
  return read("inbox_store.sent", [&](Reader& reader) {
    return read_sent(reader.sent.query(user, before.at, before.at, before.tie, limit_of(entries_max)));
  });
}

Result<std::vector<ReceivedEntry>> InboxStore::received(const UserId& user, ListPosition before, size_t entries_max) {
  return read("inbox_store.received", [&](Reader& reader) {
    return read_received(reader.received.query(user, before.at, before.at, before.tie, limit_of(entries_max)));
  });
}

Result<YearSummary> InboxStore::summary(const UserId& user, int year) {
  const Timestamp begin = begin_of(year);
  const Timestamp end = begin_of(year + 1);
  return read("inbox_store.summary", [&](Reader& reader) {
    YearSummary summary;
    {
      Rows rows = reader.sent_total.query(user, begin, end);
      CHECK(rows.next());
      summary.sent_count = rows.count(0);
      summary.sent_total = rows.money(1);
    }
    {
      Rows rows = reader.refunded_total.query(user, begin, end);
      CHECK(rows.next());
      summary.refunded_total = rows.money(0);
    }
    Rows rows = reader.received_total.query(user, begin, end);
    CHECK(rows.next());
    summary.received_count = rows.count(0);
    summary.received_total = rows.money(1);
    return summary;
  });
}

}  // namespace hongbao::mariadb
