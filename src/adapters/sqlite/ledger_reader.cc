#include "adapters/sqlite/ledger_reader.h"

#include <fmt/format.h>

namespace hongbao::sqlite {

LedgerQueries::LedgerQueries(Database& database)
    : wallet_transfers_(database.prepare(fmt::format(
          "SELECT {}, position FROM transfer WHERE wallet = ? AND (at, position) < (?, ?) ORDER BY at DESC, "
          "position DESC LIMIT ?",
          kTransferColumns))),
      // Escrows and channels have no index: operators ask for them seldom, and nearly every row matches.
      other_transfers_(database.prepare(fmt::format(
          "SELECT {}, position FROM transfer WHERE (debit = ?1 OR credit = ?1) AND (at, position) < (?2, ?3) "
          "ORDER BY at DESC, position DESC LIMIT ?4",
          kTransferColumns))),
      payment_(database.prepare("SELECT 1 FROM payment WHERE shard = ? AND day = ? AND local = ?")) {}

std::vector<WalletTransfer> LedgerQueries::transfers(const AccountId& account, ListPosition before,
                                                     size_t transfers_max) {
  Statement& statement = account.is_user() ? wallet_transfers_ : other_transfers_;
  return read_wallet_transfers(statement.query(account.text(), before.at, before.tie, limit_of(transfers_max)),
                               read_transfer);
}

std::vector<PacketKey> LedgerQueries::unpaid(const std::vector<PacketKey>& packets) {
  std::vector<PacketKey> unpaid;
  for (const PacketKey& packet : packets) {
    Rows rows = payment_.query(packet.shard, packet.day, packet.local);
    if (!rows.next()) {
      unpaid.push_back(packet);
    }
  }
  return unpaid;
}

std::string LedgerQueries::sum(std::string_view expression) {
  return fmt::format("coalesce(sum({}), 0)", expression);
}

}  // namespace hongbao::sqlite
