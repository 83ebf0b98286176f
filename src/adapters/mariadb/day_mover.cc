#include "adapters/mariadb/day_mover.h"

#include <fmt/format.h>

#include "adapters/mariadb/cold_days.h"

namespace hongbao::mariadb {
namespace {

// For a reader that is still in a part's tables.
constexpr int kDropWait_s = 10;

// The side that a part is copied to. Another process that copies the same part writes the same rows.
class Copy {
 public:
  Copy(Database& database, const DayTables& tables)
      : database_(database),
        insert_packet_(database.prepare(insert_packet(tables, "INSERT IGNORE"))),
        insert_voucher_(database.prepare(insert_voucher(tables, "INSERT IGNORE"))),
        next_local_{next("local", tables.packets)},
        next_no_{next("no", tables.vouchers)} {}

  void add(const std::vector<PacketRow>& packets) {
    ValueRows rows;
    for (const PacketRow& packet : packets) {
      add_row(rows, packet.order, packet.state);
    }
    (void)insert_packet_.run_all(rows);
    database_.commit();
  }
  void add(const std::vector<Voucher>& vouchers) {
    ValueRows rows;
    for (const Voucher& voucher : vouchers) {
      add_row(rows, voucher);
    }
    (void)insert_voucher_.run_all(rows);
    database_.commit();
  }
  [[nodiscard]] LocalNo next_local() const { return next_local_; }
  [[nodiscard]] VoucherNo next_no() const { return next_no_; }

 private:
  uint64_t next(const char* key, const std::string& table) {
    Statement statement = database_.prepare(fmt::format("SELECT COALESCE(MAX({}) + 1, 0) FROM {}", key, table));
    uint64_t next = 0;
    {
      Rows rows = statement.query();
      CHECK(rows.next());
      next = rows.count(0);
    }
    database_.commit();
    return next;
  }

  Database& database_;
  Statement insert_packet_;
  Statement insert_voucher_;
  const LocalNo next_local_;  // when the copy began
  const VoucherNo next_no_;
};

void drop(const Server& server, const std::string& name, const DayTables& tables) {
  Database database = Database::open(server, name, Database::Mode::kWrite);
  database.execute(fmt::format("SET SESSION lock_wait_timeout = {}", kDropWait_s));
  database.execute(fmt::format("DROP TABLE IF EXISTS {}, {}", tables.packets, tables.vouchers));
}

}  // namespace

bool DayMover::has_active(DayPart part) {
  Database database = Database::open(places_.server, places_.database, Database::Mode::kRead);
  return OrderDay(database, shard_, part.day, hot_tables(part)).has_active();
}

Result<std::optional<DayTotals>> DayMover::copy(uint32_t epoch, DayPart part, const GoOn& go_on) {
  const DayTables tables = cold_tables(part, epoch);
  Database hot_database = Database::open(places_.server, places_.database, Database::Mode::kRead);
  OrderDay hot(hot_database, shard_, part.day, hot_tables(part));
  {
    Database database = Database::open(places_.cold_server, places_.cold_database, Database::Mode::kWrite);
    prepare_copy(database, epoch, part);
    Copy cold(database, tables);
    if (!copy_day(hot, cold, go_on)) {
      return std::nullopt;
    }
  }
  Database cold_database = Database::open(places_.cold_server, places_.cold_database, Database::Mode::kRead);
  OrderDay cold(cold_database, shard_, part.day, tables);
  auto totals = compare_day(hot, cold, go_on);
  if (!totals) {
    drop(places_.cold_server, places_.cold_database, tables);
  }
  return totals;
}

std::vector<uint32_t> DayMover::copies_of(Database& cold, DayPart part) {
  const std::string name = cold_tables(part, 0).packets;  // "…_e0"
  const size_t prefix = name.size() - 1;
  Statement statement = cold.prepare(
      fmt::format("SELECT CAST(SUBSTR(table_name, {}) AS SIGNED) FROM information_schema.tables WHERE table_schema = "
                  "DATABASE() AND table_name REGEXP '^{}[0-9]+$' ORDER BY 1",
                  prefix + 1, name.substr(0, prefix)));
  std::vector<uint32_t> epochs;
  Rows rows = statement.query();
  while (rows.next()) {
    epochs.push_back(static_cast<uint32_t>(rows.integer(0)));
  }
  return epochs;
}

// Goes on with the copy that the last earlier epoch left, and removes those of others. None of them counts: the part is
// hot, and those epochs are fenced.
void DayMover::prepare_copy(Database& cold, uint32_t epoch, DayPart part) {
  const auto make = [&](const DayTables& tables) {
    for (const std::string& statement : create_cold(tables)) {
      cold.execute(statement);
    }
  };
  std::vector<uint32_t> earlier = copies_of(cold, part);
  std::erase_if(earlier, [&](uint32_t of) { return of >= epoch; });
  const DayTables mine = cold_tables(part, epoch);
  if (!earlier.empty()) {
    const DayTables last = cold_tables(part, earlier.back());
    make(last);
    cold.execute(fmt::format("DROP TABLE IF EXISTS {}, {}", mine.packets, mine.vouchers));
    cold.execute(
        fmt::format("RENAME TABLE {} TO {}, {} TO {}", last.packets, mine.packets, last.vouchers, mine.vouchers));
    earlier.pop_back();
  }
  for (const uint32_t of : earlier) {
    const DayTables tables = cold_tables(part, of);
    cold.execute(fmt::format("DROP TABLE IF EXISTS {}, {}", tables.packets, tables.vouchers));
  }
  make(mine);
}

Retired DayMover::retire(uint32_t epoch, DayPart part, const DayTotals& totals) {
  Database database = Database::open(places_.server, places_.database, Database::Mode::kWrite);
  const auto number = [&](const std::string& sql) { return database.text(sql).value(); };
  if (number("SELECT epoch FROM shard_head FOR UPDATE") != std::to_string(epoch)) {
    return Retired::kFenced;
  }
  const DayTables tables = hot_tables(part);
  // A commit appends vouchers and changes nothing else without one: the last number tells whether there was any.
  const std::string last = number(fmt::format("SELECT COALESCE(MAX(no), 0) FROM {}", tables.vouchers));
  const std::string active = number(fmt::format("SELECT EXISTS (SELECT 1 FROM {} WHERE state = {})", tables.packets,
                                                static_cast<int>(PacketState::kActive)));
  if (active != "0" || last != std::to_string(totals.vouchers == 0 ? 0 : totals.greatest.value)) {
    return Retired::kChanged;
  }
  Statement move = database.prepare(fmt::format(
      "UPDATE stored_day SET place = {}, packets = ?, packets_total = ?, vouchers = ?, paid = ?, opened = "
      "?, refunded = ?, least = ?, greatest = ?, checksum = ?, copy = ? WHERE day = ? AND part = ? AND place = {}",
      static_cast<int>(DayPlace::kMoved), static_cast<int>(DayPlace::kHot)));
  const uint64_t moved = move.run(totals.packets, totals.packets_total, totals.vouchers, totals.sums.paid,
                                  totals.sums.opened, totals.sums.refunded, totals.least, totals.greatest,
                                  Bytes(totals.checksum), epoch, part.day, part.number);
  if (moved != 1) {  // an earlier try, whose answer was lost, has landed just now
    return Retired::kChanged;
  }
  database.commit();
  return Retired::kDone;
}

void DayMover::drop_hot(DayPart part) {
  drop(places_.server, places_.database, hot_tables(part));
  Database database = Database::open(places_.server, places_.database, Database::Mode::kWrite);
  Statement done =
      database.prepare(fmt::format("UPDATE stored_day SET place = {} WHERE day = ? AND part = ? AND place = {}",
                                   static_cast<int>(DayPlace::kCold), static_cast<int>(DayPlace::kMoved)));
  (void)done.run(part.day, part.number);
  database.commit();
}

}  // namespace hongbao::mariadb
