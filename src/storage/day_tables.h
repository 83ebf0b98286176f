// The pair of tables that holds a part of a day: their names, and how rows are written into them. The columns stand in
// the same order in every engine (storage/stored_rows.h reads them). Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "core/stored_day.h"

namespace hongbao {

struct DayTables {
  std::string packets;
  std::string vouchers;
};
// "packet_20261122", "voucher_20261122".
DayTables hot_tables(DayPart part);

// `verb` is "INSERT", or the engine's way to skip rows that are there. One `?` a column, for the values of
// `for_columns`.
std::string insert_packet(const DayTables& tables, std::string_view verb = "INSERT");
std::string insert_voucher(const DayTables& tables, std::string_view verb = "INSERT");

// How regions and ledgers lie in rows: small numbers that an operator can read, North's from 1 and from 100 on.
constexpr int64_t stored(Region region) {
  return region == Region::kNorth ? 1 : 0;
}
constexpr int64_t stored(LedgerId ledger) {
  return ledger.number + (ledger.region == Region::kNorth ? 100 : 0);
}

// Calls `use` with a row's values in the order of its columns. Texts and bytes are borrowed from the row.
template <class Use>
void for_columns(const Order& order, PacketState state, Use use) {
  const auto if_any = [](const auto& name) {
    return name.empty() ? std::nullopt : std::optional<std::string_view>(name.text());
  };
  use(order.key.local, order.sender, if_any(order.recipient), order.kind, order.rule, order.total, order.count,
      Bytes(order.seed.bytes), order.created_at, order.payable_until, order.paid_at, order.expires_at, state,
      if_any(order.group), stored(order.sender_home), stored(order.paid_in));
}

template <class Use>
void for_columns(const Voucher& voucher, Use use) {
  const bool is_paid = voucher.kind == VoucherKind::kPaid;
  use(voucher.no, voucher.packet.local, voucher.kind, voucher.seq, voucher.user, voucher.amount, voucher.at,
      stored(voucher.home), is_paid ? std::optional(stored(voucher.paid_in)) : std::nullopt);
}

}  // namespace hongbao
