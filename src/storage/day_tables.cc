#include "storage/day_tables.h"

#include <fmt/format.h>

#include "storage/stored_rows.h"

namespace hongbao {

DayTables hot_tables(DayPart part) {
  return {fmt::format("packet_{}", to_text(part)), fmt::format("voucher_{}", to_text(part))};
}

std::string insert_packet(const DayTables& tables, std::string_view verb) {
  return fmt::format("{} INTO {}({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", verb, tables.packets, kPacketColumns);
}

std::string insert_voucher(const DayTables& tables, std::string_view verb) {
  return fmt::format("{} INTO {}({}) VALUES (?,?,?,?,?,?,?,?,?)", verb, tables.vouchers, kVoucherColumns);
}

}  // namespace hongbao
