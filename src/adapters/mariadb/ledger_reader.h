// What the ledger's readers ask MariaDB otherwise than another engine (storage/ledger_reader.h).
//
// Threads: its Database's. Errors: MariadbError.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/mariadb/engine.h"
#include "adapters/mariadb/ledger_rows.h"
#include "adapters/mariadb/list_statement.h"
#include "storage/ledger_reader.h"

namespace hongbao::mariadb {

class LedgerQueries {
 public:
  static constexpr std::string_view kTransferColumns = mariadb::kTransferColumns;
  static constexpr std::string_view kCursorTable = "settled_to";
  static constexpr std::string_view kTransferAmount = "ABS(amount)";
  static constexpr std::string_view kFrozen = "frozen_account WHERE TRUE";

  explicit LedgerQueries(Database& database);

  std::vector<WalletTransfer> transfers(const AccountId& account, ListPosition before, size_t transfers_max);
  std::vector<PacketKey> unpaid(const std::vector<PacketKey>& packets);

  static Transfer read_transfer(const Rows& rows, size_t first) { return mariadb::read_transfer(rows, first); }
  static std::string transfer_key(std::string_view id) { return mariadb::transfer_key(id); }
  static std::string transfer_id(std::string_view key) { return mariadb::transfer_id(key); }
  static std::string sum(std::string_view expression);

 private:
  Statement wallet_transfers_;
  Statement other_transfers_;
  ListStatement payments_;
};

using LedgerReader = hongbao::LedgerReader<Engine>;

}  // namespace hongbao::mariadb
