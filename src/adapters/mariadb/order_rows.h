// How packets and vouchers lie in MariaDB: one database a shard, one pair of tables a day (the packet's). A part of a
// day is known by its row in stored_day, which is written when its tables are there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/mariadb/database.h"
#include "storage/day_tables.h"
#include "storage/stored_rows.h"

namespace hongbao::mariadb {

// Every epoch copies into tables of its own, so that two owners, of whom one does not know yet that it is none, can't
// spoil each other's copies.
DayTables cold_tables(DayPart part, uint32_t epoch);

// Makes both tables of a part, unless they are there, and says that they are. Each ends the transaction.
std::vector<std::string> create_hot(DayPart part);
// The same in a cold database, whose pages are compressed.
std::vector<std::string> create_cold(const DayTables& tables);

// The server's clock, in milliseconds since 1970.
inline constexpr std::string_view kNow_ms = "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000 AS SIGNED)";

// The values of what `insert_packet` and `insert_voucher` of storage/day_tables.h say. Texts are borrowed from the row.
void add_row(ValueRows& rows, const Order& order, PacketState state);
void add_row(ValueRows& rows, const Voucher& voucher);

}  // namespace hongbao::mariadb
