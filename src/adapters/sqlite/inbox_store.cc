#include "adapters/sqlite/inbox_store.h"

#include "adapters/sqlite/schema.h"
#include "base/check.h"
#include "base/log.h"
#include "storage/stored_inbox.h"
#include "storage/stored_rows.h"

namespace hongbao::sqlite {
namespace {

const Schema& inbox_schema() {
  // Since version 2 an entry is one row of one tree, by (user, position): a list is read where it lies. `tie` holds
  // shard and voucher (core/list_position.h); what version 1 knew of a packet that was sent lacks the voucher, and has
  // the place at which it came.
  static const Schema schema{.application_id = 0x4842696e,  // "HBin"
                             .steps = {R"(
CREATE TABLE sent(
  position INTEGER PRIMARY KEY, user TEXT NOT NULL, shard TEXT NOT NULL, day INTEGER NOT NULL, local INTEGER NOT NULL,
  total INTEGER NOT NULL, refunded INTEGER NOT NULL, paid_at INTEGER NOT NULL, UNIQUE (shard, day, local)) STRICT;
CREATE INDEX sent_by_user ON sent(user);
CREATE TABLE received(
  position INTEGER PRIMARY KEY, user TEXT NOT NULL, shard TEXT NOT NULL, day INTEGER NOT NULL, local INTEGER NOT NULL,
  seq INTEGER NOT NULL, amount INTEGER NOT NULL, opened_at INTEGER NOT NULL, voucher INTEGER NOT NULL) STRICT;
CREATE INDEX received_by_user ON received(user);
CREATE TABLE year_total(
  user TEXT NOT NULL, year INTEGER NOT NULL, sent_count INTEGER NOT NULL, sent_total INTEGER NOT NULL,
  refunded_total INTEGER NOT NULL, received_count INTEGER NOT NULL, received_total INTEGER NOT NULL,
  PRIMARY KEY (user, year)) STRICT, WITHOUT ROWID;
CREATE TABLE cursor(shard TEXT PRIMARY KEY, next_voucher INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)",
                                       R"(
ALTER TABLE sent RENAME TO sent_1;
ALTER TABLE received RENAME TO received_1;
CREATE TABLE sent(
  user TEXT NOT NULL, paid_at INTEGER NOT NULL, tie INTEGER NOT NULL, shard TEXT NOT NULL, day INTEGER NOT NULL,
  local INTEGER NOT NULL, total INTEGER NOT NULL, refunded INTEGER NOT NULL, PRIMARY KEY (user, paid_at, tie),
  UNIQUE (shard, day, local)) STRICT, WITHOUT ROWID;
CREATE TABLE received(
  user TEXT NOT NULL, opened_at INTEGER NOT NULL, tie INTEGER NOT NULL, day INTEGER NOT NULL, local INTEGER NOT NULL,
  seq INTEGER NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (user, opened_at, tie)) STRICT, WITHOUT ROWID;
INSERT INTO sent SELECT user, paid_at, (iif(shard < 's', 1000, 0) + substr(shard, 2)) << 52 | position, shard, day,
  local, total, refunded FROM sent_1;
INSERT INTO received SELECT user, opened_at, (iif(shard < 's', 1000, 0) + substr(shard, 2)) << 52 | voucher, day, local,
  seq, amount FROM received_1;
DROP TABLE sent_1;
DROP TABLE received_1;
)"}};
  return schema;
}

constexpr std::string_view kSelectCursor = "SELECT next_voucher FROM cursor WHERE shard = ?";

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

}  // namespace

InboxStore::Writer::Writer(Database database)
    : database_(std::move(database)),
      select_cursor_(database_.prepare(kSelectCursor)),
      upsert_cursor_(database_.prepare("INSERT INTO cursor(shard, next_voucher) VALUES (?,?) ON CONFLICT (shard) DO "
                                       "UPDATE SET next_voucher = excluded.next_voucher")),
      insert_sent_(database_.prepare(
          "INSERT INTO sent(user, paid_at, tie, shard, day, local, total, refunded) VALUES (?,?,?,?,?,?,?,0)")),
      set_refunded_(database_.prepare("UPDATE sent SET refunded = ? WHERE shard = ? AND day = ? AND local = ?")),
      insert_received_(database_.prepare(
          "INSERT INTO received(user, opened_at, tie, day, local, seq, amount) VALUES (?,?,?,?,?,?,?)")),
      add_year_(database_.prepare(
          "INSERT INTO year_total(user, year, sent_count, sent_total, refunded_total, received_count, received_total) "
          "VALUES (?,?,?,?,?,?,?) ON CONFLICT (user, year) DO UPDATE SET sent_count = sent_count + "
          "excluded.sent_count, "
          "sent_total = sent_total + excluded.sent_total, refunded_total = refunded_total + excluded.refunded_total, "
          "received_count = received_count + excluded.received_count, "
          "received_total = received_total + excluded.received_total")) {}

bool InboxStore::Writer::apply(const InboxBatch& batch) {
  Transaction transaction(database_, Transaction::Kind::kWrite);
  if (read_cursor(select_cursor_.query(batch.shard)) != batch.from) {
    return false;
  }
  // Summed here first: a user who opens much in one batch costs one write.
  YearTotals totals;
  VoucherNo next = batch.from;
  for (const Voucher& voucher : batch.vouchers) {
    CHECK(voucher.no == next && voucher.packet.shard == batch.shard);
    insert(voucher);
    add(voucher, totals[{voucher.user, Day::of(voucher.at).year()}]);
    next = next + 1;
  }
  write(totals);
  upsert_cursor_.run(batch.shard, next);
  transaction.commit();
  return true;
}

void InboxStore::Writer::insert(const Voucher& voucher) {
  const auto& [shard, day, local] = voucher.packet;
  const uint64_t tie = VoucherTie::of(shard, voucher.no);
  switch (voucher.kind) {
    case VoucherKind::kPaid:
      insert_sent_.run(voucher.user, voucher.at, tie, shard, day, local, voucher.amount);
      return;
    case VoucherKind::kOpened:
      insert_received_.run(voucher.user, voucher.at, tie, day, local, voucher.seq, voucher.amount);
      return;
    case VoucherKind::kRefunded:
      if (set_refunded_.run(voucher.amount, shard, day, local) != 1) {
        log_error("refunded_packet_not_in_inbox", {{"shard", to_text(shard)}, {"voucher", voucher.no.value}});
      }
      return;
  }
  CHECK(false);
}

void InboxStore::Writer::write(const YearTotals& totals) {
  for (const auto& [key, year] : totals) {
    add_year_.run(key.first, key.second, year.sent_count, year.sent_total, year.refunded_total, year.received_count,
                  year.received_total);
  }
}

InboxStore::Reader::Reader(Database opened)
    : database(std::move(opened)),
      cursor(database.prepare(kSelectCursor)),
      sent(database.prepare("SELECT paid_at, tie, day, local, total, refunded FROM sent WHERE user = ? AND "
                            "(paid_at, tie) < (?, ?) ORDER BY paid_at DESC, tie DESC LIMIT ?")),
      received(database.prepare("SELECT opened_at, tie, day, local, seq, amount FROM received WHERE user = ? AND "
                                "(opened_at, tie) < (?, ?) ORDER BY opened_at DESC, tie DESC LIMIT ?")),
      year(database.prepare("SELECT sent_count, sent_total, refunded_total, received_count, received_total FROM "
                            "year_total WHERE user = ? AND year = ?")) {}

Result<std::unique_ptr<InboxStore>> InboxStore::open(const std::string& file, const StoreTerms& terms) {
  return opened(
      [&] { return std::unique_ptr<InboxStore>(new InboxStore(file, open_store(file, inbox_schema(), terms))); });
}

InboxStore::InboxStore(const std::string& file, Database writer)
    : writer_(std::move(writer)),
      readers_(file, [](Database reader) { return std::make_unique<Reader>(std::move(reader)); }) {}

Result<bool> InboxStore::apply(const InboxBatch& batch) {
  return guarded("inbox_store.apply", [&] { return writer_.apply(batch); });
}

Result<VoucherNo> InboxStore::cursor(ShardId shard) {
  return guarded("inbox_store.cursor",
                 [&] { return readers_.use([&](Reader& reader) { return read_cursor(reader.cursor.query(shard)); }); });
}

Result<std::vector<SentEntry>> InboxStore::sent(const UserId& user, ListPosition before, size_t entries_max) {
  const auto read = [&](Reader& reader) {
    return read_sent(reader.sent.query(user, before.at, before.tie, limit_of(entries_max)));
  };
  return guarded("inbox_store.sent", [&] { return readers_.use(read); });
}

Result<std::vector<ReceivedEntry>> InboxStore::received(const UserId& user, ListPosition before, size_t entries_max) {
  const auto read = [&](Reader& reader) {
    return read_received(reader.received.query(user, before.at, before.tie, limit_of(entries_max)));
  };
  return guarded("inbox_store.received", [&] { return readers_.use(read); });
}

Result<YearSummary> InboxStore::summary(const UserId& user, int year) {
  const auto read = [&](Reader& reader) {
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
  };
  return guarded("inbox_store.summary", [&] { return readers_.use(read); });
}

}  // namespace hongbao::sqlite
