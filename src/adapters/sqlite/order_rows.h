// How packets and vouchers lie in SQLite: the order store's tables and the way between rows and values. One file a
// shard, one pair of tables a day (the packet's): old days are moved away whole, each to a file of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/schema.h"
#include "core/stored_day.h"

namespace hongbao {

const Schema& order_schema();
// Of a file that holds one cold part.
Schema cold_schema(DayPart part);
std::string packet_table(DayPart part);
std::string voucher_table(DayPart part);
// Makes both tables of a part, unless they are there.
std::string create_part(DayPart part);

// `local` first, then the columns in the order of the table.
inline constexpr std::string_view kPacketColumns =
    "local, sender, recipient, kind, rule, total, count, seed, created_at, payable_until, paid_at, expires_at, state";
inline constexpr std::string_view kVoucherColumns = "no, local, kind, seq, user, amount, at";

inline constexpr std::string_view kStoredDayColumns =
    "day, part, place, packets, packets_total, vouchers, paid, opened, refunded, least, greatest, checksum";

// What `run_insert` runs.
std::string insert_packet(DayPart part);
std::string insert_voucher(DayPart part);
void run_insert(Statement& statement, const Order& order, PacketState state);
void run_insert(Statement& statement, const Voucher& voucher);

StoredDay read_stored_day(const Rows& rows);
PacketRow read_packet(const Rows& rows, ShardId shard, Day day);
Voucher read_voucher(const Rows& rows, ShardId shard, Day day);

}  // namespace hongbao
