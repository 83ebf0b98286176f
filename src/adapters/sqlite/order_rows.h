// How packets and vouchers lie in SQLite: the order store's tables and the way between rows and values. One file a
// shard, one pair of tables a day (the packet's): old days can be moved away whole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/schema.h"
#include "core/packet.h"
#include "core/voucher.h"

namespace hongbao {

const Schema& order_schema();
std::string packet_table(Day day);
std::string voucher_table(Day day);
// Makes both tables of a day, unless they are there.
std::string create_day(Day day);
// Every day that has tables, oldest first, as the connection's transaction sees it.
std::vector<Day> stored_days(Database& database);

// `local` first, then the columns in the order of the table.
inline constexpr std::string_view kPacketColumns =
    "local, sender, recipient, kind, rule, total, count, seed, created_at, payable_until, paid_at, expires_at, state";
inline constexpr std::string_view kVoucherColumns = "no, local, kind, seq, user, amount, at";

struct PacketRow {
  Order order;
  PacketState state = PacketState::kActive;
};
PacketRow read_packet(const Rows& rows, ShardId shard, Day day);
Voucher read_voucher(const Rows& rows, ShardId shard, Day day);

}  // namespace hongbao
