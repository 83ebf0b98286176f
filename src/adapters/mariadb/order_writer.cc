#include "adapters/mariadb/order_writer.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "adapters/mariadb/order_rows.h"
#include "base/check.h"

namespace hongbao::mariadb {
namespace {

// Days with prepared statements. Packets are written on their own day and finished within the next ones.
constexpr size_t kWrittenDaysMax = 16;

std::set<Day> days_of(const CommitBatch& batch) {
  std::set<Day> days;
  for (const Voucher& voucher : batch.vouchers) {  // what is activated or finished has a voucher as well
    days.insert(voucher.packet.day);
  }
  return days;
}

}  // namespace

OrderWriter::Session::Session(Database opened)
    : database(std::move(opened)),
      raise_epoch(database.prepare(fmt::format(
          "UPDATE shard_head SET epoch = epoch + 1, owner = ?, incarnation = ?, lease_ms = ?, lease_until = "
          "{0} + lease_ms WHERE (owner = ? AND incarnation <= ?) OR lease_until <= {0}",
          kNow_ms))),
      read_head(database.prepare("SELECT epoch, next_voucher, owner FROM shard_head")),
      renew(
          database.prepare(fmt::format("UPDATE shard_head SET lease_until = {} + lease_ms WHERE epoch = ?", kNow_ms))),
      release(database.prepare("UPDATE shard_head SET lease_until = 0 WHERE epoch = ?")),
      advance_head(database.prepare(
          fmt::format("UPDATE shard_head SET next_voucher = ?, lease_until = {} + lease_ms WHERE epoch = ? AND "
                      "next_voucher = ?",
                      kNow_ms))),
      latest_part(database.prepare("SELECT part, place FROM stored_day WHERE day = ? ORDER BY part DESC LIMIT 1")) {}

OrderWriter::Session& OrderWriter::session() {
  if (!session_) {
    session_.emplace(Database::open(server_, name_, Database::Mode::kWrite));
  }
  return *session_;
}

std::expected<ShardHead, std::string> OrderWriter::acquire(const ShardOwner& owner, std::chrono::milliseconds lease) {
  Session& at = session();
  at.days.clear();  // another owner may have moved them
  const bool taken =
      at.raise_epoch.run(owner.name, owner.incarnation, lease.count(), owner.name, owner.incarnation) == 1;
  ShardHead head;
  std::string holder;
  {
    Rows rows = at.read_head.query();
    head = read_head(rows);
    holder = rows.text(2);
  }
  at.database.commit();
  return taken ? std::expected<ShardHead, std::string>(head) : std::unexpected(std::move(holder));
}

bool OrderWriter::renew(uint32_t epoch) {
  Session& at = session();
  const bool renewed = at.renew.run(epoch) == 1;
  at.database.commit();
  return renewed;
}

void OrderWriter::release(uint32_t epoch) {
  Session& at = session();
  (void)at.release.run(epoch);
  at.database.commit();
}

bool OrderWriter::commit(const CommitBatch& batch) {
  Session& session_now = session();
  prepare_days(batch);
  // The head first: its row keeps every other writer out until this one has committed, and tells a stale one apart
  // before it touches anything.
  if (session_now.advance_head.run(batch.next(), batch.epoch, batch.expected_next) != 1) {
    session_now.database.rollback();
    return false;
  }
  write(batch);
  session_now.database.commit();
  return true;
}

void OrderWriter::prepare_days(const CommitBatch& batch) {
  const std::set<Day> days = days_of(batch);
  if (session_->days.size() + days.size() > kWrittenDaysMax) {
    session_->days.clear();
  }
  for (const Day day : days) {
    prepare(day);
  }
}

void OrderWriter::prepare(Day day) {
  auto& days = session_->days;
  if (days.contains(day)) {
    return;
  }
  const DayTables tables = hot_tables(hot_part(day));
  Database& database = session_->database;
  DayStatements statements{
      .insert_packet = database.prepare(insert_packet(tables)),
      .insert_voucher = database.prepare(insert_voucher(tables)),
      .finish = database.prepare(fmt::format("UPDATE {} SET state = ? WHERE local = ?", tables.packets))};
  days.emplace(day, std::move(statements));
}

DayPart OrderWriter::hot_part(Day day) {
  DayPart part{day};
  bool is_there = false;
  {
    Rows rows = session_->latest_part.query(day);
    if (rows.next()) {
      part.number = static_cast<uint32_t>(rows.integer(0));
      is_there = static_cast<DayPlace>(rows.integer(1)) == DayPlace::kHot;
      part.number += is_there ? 0 : 1;
    }
  }
  session_->database.commit();
  if (!is_there) {
    for (const std::string& statement : create_hot(part)) {
      session_->database.execute(statement);
    }
  }
  return part;
}

void OrderWriter::forget_days() {
  if (session_) {
    session_->days.clear();
  }
}

void OrderWriter::write(const CommitBatch& batch) {
  struct DayRows {
    ValueRows packets;
    ValueRows vouchers;
    ValueRows finished;
  };
  std::map<Day, DayRows> rows;
  for (const Order& order : batch.activated) {
    add_row(rows[order.key.day].packets, order, PacketState::kActive);
  }
  for (const Voucher& voucher : batch.vouchers) {
    add_row(rows[voucher.packet.day].vouchers, voucher);
  }
  for (const auto& finished : batch.finished) {
    rows[finished.packet.day].finished.add(finished.state, finished.packet.local);
  }
  for (const auto& [day, of_day] : rows) {
    const auto prepared = session_->days.find(day);
    CHECK(prepared != session_->days.end());  // making tables now would commit half of the batch
    DayStatements& statements = prepared->second;
    (void)statements.insert_packet.run_all(of_day.packets);
    (void)statements.insert_voucher.run_all(of_day.vouchers);
    require_sound(statements.finish.run_all(of_day.finished) == of_day.finished.rows(),
                  "a packet that is finished is stored");
  }
}

}  // namespace hongbao::mariadb
