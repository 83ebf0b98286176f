// How rows of the order store are read: the columns stand in the same order in SQLite and MariaDB. `Rows` is a running
// query with `integer`, `count`, `money`, `is_null`, `text`, `blob` and `shard` by column. Any thread.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "core/stored_day.h"
#include "ports/voucher_log.h"
#include "storage/damaged_row.h"
#include "storage/day_tables.h"

namespace hongbao {

// `local` first, then the columns in the order of the table.
inline constexpr std::string_view kPacketColumns =
    "local, sender, recipient, kind, rule, total, count, seed, created_at, payable_until, paid_at, expires_at, state, "
    "group_id, sender_home, paid_in";
inline constexpr std::string_view kVoucherColumns = "no, local, kind, seq, user, amount, at, home, paid_in";
inline constexpr std::string_view kStoredDayColumns =
    "day, part, place, packets, packets_total, vouchers, paid, opened, refunded, least, greatest, checksum, copy";

// Of a user or a group; null is the empty one.
template <class Name, class Rows>
Name read_name(const Rows& rows, int column) {
  if (rows.is_null(column)) {
    return {};
  }
  auto name = Name::parse(rows.text(column));
  require_sound(name.has_value(), "a user or group is 1 to 64 of A-Z a-z 0-9 . _ @ -");
  return std::move(*name);
}

template <class Rows>
UserId read_user(const Rows& rows, int column) {
  return read_name<UserId>(rows, column);
}

// Regions and ledgers are small numbers, as `stored` makes them.
template <class Rows>
Region read_region(const Rows& rows, int column) {
  const int64_t number = rows.integer(column);
  require_sound(number == stored(Region::kSouth) || number == stored(Region::kNorth), "a region is one of two");
  return number == stored(Region::kSouth) ? Region::kSouth : Region::kNorth;
}

// Null is the first.
template <class Rows>
LedgerId read_ledger(const Rows& rows, int column) {
  if (rows.is_null(column)) {
    return {};
  }
  const int64_t number = rows.integer(column);
  const int64_t north = stored(LedgerId{Region::kNorth, 0});
  const LedgerId ledger{number < north ? Region::kSouth : Region::kNorth, static_cast<uint8_t>(number % north)};
  require_sound(number == stored(ledger) && ledger.number < Ledgers::kCountMax, "a ledger is one of two regions'");
  return ledger;
}

template <class Rows, size_t N>
void read_bytes(const Rows& rows, int column, std::array<uint8_t, N>& bytes) {
  const Bytes found = rows.blob(column);
  require_sound(found.size() == N, "a value has its column's length");
  std::ranges::copy(found, bytes.begin());
}

// Values are bound as int64.
inline uint64_t limit_of(size_t rows_max) {
  return std::min<uint64_t>(rows_max, std::numeric_limits<int64_t>::max());
}

// One that is always there.
template <class Rows>
void require_row(Rows& rows, const char* rule) {
  require_sound(rows.next(), rule);
}

template <class Rows>
PacketRow read_packet(const Rows& rows, ShardId shard, Day day) {
  PacketRow row{.order = {.key = {shard, day, LocalNo{rows.count(0)}},
                          .sender = read_user(rows, 1),
                          .sender_home = read_region(rows, 14),
                          .recipient = read_user(rows, 2),
                          .group = read_name<GroupId>(rows, 13),
                          .kind = static_cast<PacketKind>(rows.integer(3)),
                          .rule = static_cast<Rule>(rows.integer(4)),
                          .total = rows.money(5),
                          .count = static_cast<uint32_t>(rows.integer(6)),
                          .seed = {},
                          .created_at = {rows.integer(8)},
                          .payable_until = {rows.integer(9)},
                          .paid_at = {rows.integer(10)},
                          .expires_at = {rows.integer(11)},
                          .paid_in = read_ledger(rows, 15)},
                .state = static_cast<PacketState>(rows.integer(12))};
  read_bytes(rows, 7, row.order.seed.bytes);
  return row;
}

template <class Rows>
Voucher read_voucher(const Rows& rows, ShardId shard, Day day) {
  return {.no = {rows.count(0)},
          .packet = {shard, day, LocalNo{rows.count(1)}},
          .kind = static_cast<VoucherKind>(rows.integer(2)),
          .seq = static_cast<uint32_t>(rows.integer(3)),
          .user = read_user(rows, 4),
          .amount = rows.money(5),
          .at = {rows.integer(6)},
          .home = read_region(rows, 7),
          .paid_in = read_ledger(rows, 8)};
}

template <class Rows>
StoredDay read_stored_day(const Rows& rows) {
  StoredDay stored{.part = {{static_cast<int32_t>(rows.integer(0))}, static_cast<uint32_t>(rows.integer(1))},
                   .place = static_cast<DayPlace>(rows.integer(2)),
                   .totals = {}};
  if (stored.place == DayPlace::kHot) {
    return stored;
  }
  stored.totals = {.packets = rows.count(3),
                   .packets_total = rows.money(4),
                   .vouchers = rows.count(5),
                   .sums = {.paid = rows.money(6), .opened = rows.money(7), .refunded = rows.money(8)},
                   .least = {rows.count(9)},
                   .greatest = {rows.count(10)}};
  read_bytes(rows, 11, stored.totals.checksum);
  stored.copy = static_cast<uint32_t>(rows.integer(12));
  return stored;
}

// Of shard_head: columns 0 and 1 are epoch and next_voucher.
template <class Rows>
ShardHead read_head(Rows& rows) {
  require_row(rows, "a shard has a head");
  return {.epoch = static_cast<uint32_t>(rows.integer(0)), .next_voucher = {rows.count(1)}};
}

// Of a follower; column 0 is next_voucher. A shard that was never followed has none.
template <class Rows>
VoucherNo read_cursor(Rows rows) {
  return rows.next() ? VoucherNo{rows.count(0)} : VoucherNo{};
}

// A piece of the log, read in any order: from ≤ no < end. Throws DamagedRow for a gap, and for what can't be followed.
inline std::vector<Voucher> sorted_log(std::vector<Voucher> vouchers, VoucherNo from, VoucherNo end) {
  std::ranges::sort(vouchers, {}, &Voucher::no);
  require_sound(vouchers.size() == end.value - from.value, "the log has no gap");
  for (size_t i = 0; i < vouchers.size(); ++i) {
    require_sound(vouchers[i].no == from + i, "the log has no gap");
    require_sound(is_sound(vouchers[i]), "a voucher has a kind, a user and an amount");
  }
  return vouchers;
}

}  // namespace hongbao
