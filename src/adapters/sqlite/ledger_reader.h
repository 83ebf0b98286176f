// What the ledger's readers ask SQLite otherwise than another engine (storage/ledger_reader.h).
//
// Threads: its Database's. Errors: SqliteError.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/sqlite/engine.h"
#include "adapters/sqlite/ledger_rows.h"
#include "storage/ledger_reader.h"

namespace hongbao::sqlite {

class LedgerQueries {
 public:
  static constexpr std::string_view kTransferColumns = sqlite::kTransferColumns;
  static constexpr std::string_view kCursorTable = "cursor";
  static constexpr std::string_view kTransferAmount = "amount";
  static constexpr std::string_view kFrozen = "account WHERE frozen = 1";

  explicit LedgerQueries(Database& database);

  std::vector<WalletTransfer> transfers(const AccountId& account, ListPosition before, size_t transfers_max);
  std::vector<PacketKey> unpaid(const std::vector<PacketKey>& packets);

  static Transfer read_transfer(const Rows& rows, int first) { return sqlite::read_transfer(rows, first); }
  static std::string_view transfer_key(std::string_view id) { return id; }
  static std::string transfer_id(std::string_view key) { return std::string(key); }
  static std::string sum(std::string_view expression);

 private:
  Statement wallet_transfers_;
  Statement other_transfers_;
  Statement payment_;
};

using LedgerReader = hongbao::LedgerReader<Engine>;

}  // namespace hongbao::sqlite
