// How packets and vouchers lie in MariaDB: one database a shard, one pair of tables a day (the packet's). A day is
// known by its row in stored_day, which is written when its tables are there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/mariadb/database.h"
#include "core/packet.h"
#include "core/voucher.h"

namespace hongbao::mariadb {

std::string packet_table(Day day);
std::string voucher_table(Day day);
// Makes both tables of a day, unless they are there, and says that they are. Each ends the transaction.
std::vector<std::string> create_day(Day day);

// `local` first, then the columns in the order of the table.
inline constexpr std::string_view kPacketColumns =
    "local, sender, recipient, kind, rule, total, count, seed, created_at, payable_until, paid_at, expires_at, state";
inline constexpr std::string_view kVoucherColumns = "no, local, kind, seq, user, amount, at";

// The server's clock, in milliseconds since 1970.
inline constexpr std::string_view kNow_ms = "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000 AS SIGNED)";

struct PacketRow {
  Order order;
  PacketState state = PacketState::kActive;
};
PacketRow read_packet(const Rows& rows, ShardId shard, Day day);
Voucher read_voucher(const Rows& rows, ShardId shard, Day day);

}  // namespace hongbao::mariadb
