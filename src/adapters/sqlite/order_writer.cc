#include "adapters/sqlite/order_writer.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/sqlite/order_rows.h"

namespace hongbao::sqlite {
namespace {

// Days with prepared statements. Packets are written on their own day and finished within the next ones.
constexpr size_t kWrittenDaysMax = 16;

}  // namespace

OrderWriter::OrderWriter(Database database)
    : database_(std::move(database)),
      raise_epoch_(database_.prepare(
          fmt::format("UPDATE shard_head SET epoch = epoch + 1, owner = ?1, incarnation = ?3, lease_until = {0} + ?2 "
                      "WHERE (owner = ?1 AND incarnation <= ?3) OR lease_until <= {0}",
                      kNow_ms))),
      renew_(database_.prepare(fmt::format("UPDATE shard_head SET lease_until = {} + ? WHERE epoch = ?", kNow_ms))),
      release_(database_.prepare("UPDATE shard_head SET lease_until = 0 WHERE epoch = ?")),
      read_head_(database_.prepare("SELECT epoch, next_voucher FROM shard_head")),
      advance_head_(database_.prepare(
          fmt::format("UPDATE shard_head SET next_voucher = ?, lease_until = {} + ? WHERE epoch = ? AND "
                      "next_voucher = ?",
                      kNow_ms))),
      latest_part_(database_.prepare("SELECT part, place FROM stored_day WHERE day = ? ORDER BY part DESC LIMIT 1")),
      add_part_(database_.prepare("INSERT INTO stored_day(day, part, place) VALUES (?,?,?)")),
      move_part_(database_.prepare(fmt::format(
          "UPDATE stored_day SET place = ?3, packets = ?4, packets_total = ?5, vouchers = ?6, paid = ?7, "
          "opened = ?8, refunded = ?9, least = ?10, greatest = ?11, checksum = ?12, copy = ?13 WHERE day = ?1 AND part "
          "= ?2 AND place = {}",
          static_cast<int>(DayPlace::kHot)))) {}

std::optional<ShardHead> OrderWriter::acquire(const ShardOwner& owner, std::chrono::milliseconds lease) {
  Transaction transaction(database_, Transaction::Kind::kWrite);
  if (raise_epoch_.run(owner.name, lease.count(), owner.incarnation) == 0) {
    return std::nullopt;
  }
  lease_ = lease;
  ShardHead head;
  {
    Rows rows = read_head_.query();
    head = read_head(rows);
  }
  transaction.commit();
  return head;
}

bool OrderWriter::renew(uint32_t epoch) {
  return renew_.run(lease_.count(), epoch) == 1;
}

void OrderWriter::release(uint32_t epoch) {
  (void)release_.run(epoch);
}

bool OrderWriter::commit(const CommitBatch& batch) {
  Transaction transaction(database_, Transaction::Kind::kWrite);
  if (advance_head_.run(batch.next(), lease_.count(), batch.epoch, batch.expected_next) != 1) {
    return false;
  }
  for (const Order& order : batch.activated) {
    run_insert(at(order.key.day).insert_packet, order, PacketState::kActive);
  }
  for (const Voucher& voucher : batch.vouchers) {
    run_insert(at(voucher.packet.day).insert_voucher, voucher);
  }
  for (const auto& finished : batch.finished) {
    finish(finished);
  }
  transaction.commit();
  return true;
}

Retired OrderWriter::retire(uint32_t epoch, DayPart part, const DayTotals& totals) {
  Transaction transaction(database_, Transaction::Kind::kWrite);
  {
    Rows rows = read_head_.query();
    if (read_head(rows).epoch != epoch) {
      return Retired::kFenced;
    }
  }
  const DayTables tables = hot_tables(part);
  // A commit appends vouchers and changes nothing else without one: the last number tells whether there was any.
  const int64_t last = database_.integer(fmt::format("SELECT coalesce(max(no), 0) FROM {}", tables.vouchers));
  const int64_t active = database_.integer(fmt::format("SELECT EXISTS (SELECT 1 FROM {} WHERE state = {})",
                                                       tables.packets, static_cast<int>(PacketState::kActive)));
  if (active != 0 || last != (totals.vouchers == 0 ? 0 : static_cast<int64_t>(totals.greatest.value))) {
    return Retired::kChanged;
  }
  const int64_t moved = move_part_.run(part.day, part.number, DayPlace::kCold, totals.packets, totals.packets_total,
                                       totals.vouchers, totals.sums.paid, totals.sums.opened, totals.sums.refunded,
                                       totals.least, totals.greatest, Bytes(totals.checksum), epoch);
  require_sound(moved == 1, "a part that moves is hot");
  days_.erase(part.day);
  database_.execute(fmt::format("DROP TABLE {}; DROP TABLE {}", tables.packets, tables.vouchers));
  transaction.commit();
  return Retired::kDone;
}

OrderWriter::DayStatements& OrderWriter::at(Day day) {
  if (const auto found = days_.find(day); found != days_.end()) {
    return found->second;
  }
  if (days_.size() >= kWrittenDaysMax) {
    days_.clear();
  }
  const DayTables tables = hot_tables(hot_part(day));
  DayStatements statements{
      .insert_packet = database_.prepare(insert_packet(tables)),
      .insert_voucher = database_.prepare(insert_voucher(tables)),
      .finish = database_.prepare(fmt::format("UPDATE {} SET state = ? WHERE local = ?", tables.packets))};
  return days_.emplace(day, std::move(statements)).first->second;
}

DayPart OrderWriter::hot_part(Day day) {
  DayPart part{day};
  {
    Rows rows = latest_part_.query(day);
    if (rows.next()) {
      part.number = static_cast<uint32_t>(rows.integer(0));
      if (static_cast<DayPlace>(rows.integer(1)) == DayPlace::kHot) {
        return part;
      }
      ++part.number;
    }
  }
  database_.execute(create_part(part));
  add_part_.run(part.day, part.number, DayPlace::kHot);
  return part;
}

void OrderWriter::finish(const CommitBatch::Finished& finished) {
  const int64_t changed = at(finished.packet.day).finish.run(finished.state, finished.packet.local);
  require_sound(changed == 1, "a packet that is finished is stored");
}

}  // namespace hongbao::sqlite
