// How rows of the inbox are read, whichever engine has them. `Rows` is as in storage/stored_rows.h; its columns begin
// with when it happened, tie (core/list_position.h), day and local. Any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "ports/inbox_store.h"

namespace hongbao {

template <class Rows>
PacketKey read_listed_packet(const Rows& rows) {
  return {.shard = VoucherTie::shard(rows.count(1)),
          .day = {static_cast<int32_t>(rows.integer(2))},
          .local = {rows.count(3)}};
}

// Then total and refunded.
template <class Rows>
std::vector<SentEntry> read_sent(Rows rows) {
  std::vector<SentEntry> entries;
  while (rows.next()) {
    entries.push_back({.packet = read_listed_packet(rows),
                       .total = rows.money(4),
                       .refunded = rows.money(5),
                       .paid_at = {rows.integer(0)},
                       .voucher = VoucherTie::voucher(rows.count(1))});
  }
  return entries;
}

// Then seq and amount.
template <class Rows>
std::vector<ReceivedEntry> read_received(Rows rows) {
  std::vector<ReceivedEntry> entries;
  while (rows.next()) {
    entries.push_back({.packet = read_listed_packet(rows),
                       .seq = static_cast<uint32_t>(rows.integer(4)),
                       .amount = rows.money(5),
                       .opened_at = {rows.integer(0)},
                       .voucher = VoucherTie::voucher(rows.count(1))});
  }
  return entries;
}

}  // namespace hongbao
