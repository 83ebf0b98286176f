// How packets and vouchers lie in SQLite: the order store's tables and the way between rows and values. One file a
// shard, one pair of tables a day (the packet's): old days are moved away whole, each to a file of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/schema.h"
#include "storage/day_tables.h"
#include "storage/stored_rows.h"

namespace hongbao::sqlite {

// SQLite's clock; a lease is a long one here, and costs nothing to keep.
inline constexpr std::string_view kNow_ms = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";

const Schema& order_schema();
// Of a file that holds one cold part.
Schema cold_schema(DayPart part);
// Makes both tables of a part, unless they are there.
std::string create_part(DayPart part);

// Run what `insert_packet` and `insert_voucher` of storage/day_tables.h say.
void run_insert(Statement& statement, const Order& order, PacketState state);
void run_insert(Statement& statement, const Voucher& voucher);

}  // namespace hongbao::sqlite
