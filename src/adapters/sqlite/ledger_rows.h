// How the ledger lies in SQLite: its tables and the way between rows and values.
#pragma once

#include <optional>
#include <string_view>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/schema.h"
#include "ports/ledger_store.h"

namespace hongbao {

const Schema& ledger_schema();

inline constexpr std::string_view kTransferColumns = "id, debit, credit, amount, kind, shard, day, local, at";
// Columns first … first+8 are kTransferColumns.
Transfer read_transfer(const Rows& rows, int first);

// The columns shard, day, local of a transfer; all NULL without a packet.
struct PacketColumns {
  explicit PacketColumns(const std::optional<PacketKey>& packet);
  std::optional<ShardId> shard;
  std::optional<Day> day;
  std::optional<LocalNo> local;
};
PacketKey read_packet_key(const Rows& rows, int first);
ShardId read_shard(const Rows& rows, int column);

// The one user account a transfer touches: wallets are listed by it.
std::optional<std::string_view> wallet_of(const Transfer& transfer);

}  // namespace hongbao
