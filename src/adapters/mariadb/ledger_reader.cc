#include "adapters/mariadb/ledger_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace hongbao::mariadb {

LedgerQueries::LedgerQueries(Database& database)
    : wallet_transfers_(database.prepare(
          // Not (at, wallet_position) < (?, ?), of which MariaDB makes no range of the key.
          fmt::format("SELECT {}, wallet_position FROM transfer WHERE wallet = ? AND at <= ? AND (at < ? OR "
                      "wallet_position < ?) ORDER BY at DESC, wallet_position DESC LIMIT ?",
                      kTransferColumns))),
      // Escrows and channels have no index: operators ask for them seldom, and nearly every row matches.
      other_transfers_(database.prepare(
          fmt::format("SELECT {}, position FROM (SELECT *, IF(other = ?, other_position, wallet_position) AS position "
                      "FROM transfer WHERE ? IN (wallet, other)) AS listed WHERE at <= ? AND (at < ? OR position < ?) "
                      "ORDER BY at DESC, position DESC LIMIT ?",
                      kTransferColumns))),
      payments_(database, "SELECT shard, day, local FROM payment WHERE (shard, day, local) IN ({})", "(?,?,?)") {}

std::vector<WalletTransfer> LedgerQueries::transfers(const AccountId& account, ListPosition before,
                                                     size_t transfers_max) {
  const std::string& id = account.text();
  const auto& [at, tie] = before;
  return read_wallet_transfers(account.is_user() ? wallet_transfers_.query(id, at, at, tie, limit_of(transfers_max))
                                                 : other_transfers_.query(id, id, at, at, tie, limit_of(transfers_max)),
                               read_transfer);
}

std::vector<PacketKey> LedgerQueries::unpaid(const std::vector<PacketKey>& packets) {
  std::vector<Value> keys;
  for (const auto& [shard, day, local] : packets) {
    keys.insert(keys.end(), {to_value(shard), to_value(day), to_value(local)});
  }
  std::set<PacketKey> paid;
  payments_.query(keys, [&](const Rows& rows) { paid.insert(read_packet_key(rows, 0)); });
  std::vector<PacketKey> unpaid;
  std::ranges::copy_if(packets, std::back_inserter(unpaid),
                       [&](const PacketKey& packet) { return !paid.contains(packet); });
  return unpaid;
}

std::string LedgerQueries::sum(std::string_view expression) {
  return fmt::format("CAST(COALESCE(SUM({}), 0) AS SIGNED)", expression);
}

}  // namespace hongbao::mariadb
