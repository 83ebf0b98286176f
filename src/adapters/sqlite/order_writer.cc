#include "adapters/sqlite/order_writer.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/sqlite/order_rows.h"
#include "base/check.h"

namespace hongbao {
namespace {

// Days with prepared statements. Packets are written on their own day and finished within the next ones.
constexpr size_t kPreparedDaysMax = 16;

// SQLite's clock; a lease is a long one here, and costs nothing to keep.
constexpr std::string_view kNow_ms = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";

}  // namespace

SqliteOrderWriter::SqliteOrderWriter(Database database)
    : database_(std::move(database)),
      raise_epoch_(database_.prepare(
          fmt::format("UPDATE shard_head SET epoch = epoch + 1, owner = ?1, lease_until = {0} + ?2 WHERE owner = ?1 OR "
                      "lease_until <= {0}",
                      kNow_ms))),
      renew_(database_.prepare(fmt::format("UPDATE shard_head SET lease_until = {} + ? WHERE epoch = ?", kNow_ms))),
      release_(database_.prepare("UPDATE shard_head SET lease_until = 0 WHERE epoch = ?")),
      read_head_(database_.prepare("SELECT epoch, next_voucher FROM shard_head")),
      advance_head_(database_.prepare(
          fmt::format("UPDATE shard_head SET next_voucher = ?, lease_until = {} + ? WHERE epoch = ? AND "
                      "next_voucher = ?",
                      kNow_ms))) {}

std::optional<ShardHead> SqliteOrderWriter::acquire(std::string_view owner, std::chrono::milliseconds lease) {
  Transaction transaction(database_, Transaction::Kind::kWrite);
  if (raise_epoch_.run(owner, lease.count()) == 0) {
    return std::nullopt;
  }
  lease_ = lease;
  ShardHead head;
  {
    Rows rows = read_head_.query();
    CHECK(rows.next());
    head = {.epoch = static_cast<uint32_t>(rows.integer(0)), .next_voucher = {rows.count(1)}};
  }
  transaction.commit();
  return head;
}

bool SqliteOrderWriter::renew(uint32_t epoch) {
  return renew_.run(lease_.count(), epoch) == 1;
}

void SqliteOrderWriter::release(uint32_t epoch) {
  (void)release_.run(epoch);
}

bool SqliteOrderWriter::commit(const CommitBatch& batch) {
  Transaction transaction(database_, Transaction::Kind::kWrite);
  if (advance_head_.run(batch.next(), lease_.count(), batch.epoch, batch.expected_next) != 1) {
    return false;
  }
  for (const Order& order : batch.activated) {
    insert(order);
  }
  for (const Voucher& voucher : batch.vouchers) {
    insert(voucher);
  }
  for (const auto& finished : batch.finished) {
    finish(finished);
  }
  transaction.commit();
  return true;
}

SqliteOrderWriter::DayStatements& SqliteOrderWriter::at(Day day) {
  if (const auto found = days_.find(day); found != days_.end()) {
    return found->second;
  }
  if (days_.size() >= kPreparedDaysMax) {
    days_.clear();
  }
  database_.execute(create_day(day));
  DayStatements statements{
      .insert_packet = database_.prepare(
          fmt::format("INSERT INTO {}({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", packet_table(day), kPacketColumns)),
      .insert_voucher = database_.prepare(
          fmt::format("INSERT INTO {}({}) VALUES (?,?,?,?,?,?,?)", voucher_table(day), kVoucherColumns)),
      .finish = database_.prepare(fmt::format("UPDATE {} SET state = ? WHERE local = ?", packet_table(day)))};
  return days_.emplace(day, std::move(statements)).first->second;
}

void SqliteOrderWriter::insert(const Order& order) {
  const auto recipient = order.recipient.empty() ? std::nullopt : std::optional<UserId>(order.recipient);
  at(order.key.day)
      .insert_packet.run(order.key.local, order.sender, recipient, order.kind, order.rule, order.total, order.count,
                         Bytes(order.seed.bytes), order.created_at, order.payable_until, order.paid_at,
                         order.expires_at, PacketState::kActive);
}

void SqliteOrderWriter::insert(const Voucher& voucher) {
  at(voucher.packet.day)
      .insert_voucher.run(voucher.no, voucher.packet.local, voucher.kind, voucher.seq, voucher.user, voucher.amount,
                          voucher.at);
}

void SqliteOrderWriter::finish(const CommitBatch::Finished& finished) {
  const int64_t changed = at(finished.packet.day).finish.run(finished.state, finished.packet.local);
  CHECK(changed == 1);
}

}  // namespace hongbao
