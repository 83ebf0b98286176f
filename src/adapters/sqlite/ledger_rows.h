// How the ledger lies in SQLite: its tables and the way between rows and values.
#pragma once

#include <optional>
#include <string_view>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/schema.h"
#include "core/ledger.h"
#include "storage/stored_ledger.h"

namespace hongbao::sqlite {

const Schema& ledger_schema();

inline constexpr std::string_view kTransferColumns = kPlainTransferColumns;
// Columns first … first+8 are kTransferColumns.
Transfer read_transfer(const Rows& rows, int first);

// The one user account a transfer touches: wallets are listed by it.
std::optional<std::string_view> wallet_of(const Transfer& transfer);

}  // namespace hongbao::sqlite
