// Moving a part of a day from hot to cold storage: copied in pieces, and both sides read and compared. The parts of it
// that do not depend on the engine.
//
// `Hot` and `Cold` have, in ascending order and each at most `max` rows,
//   std::vector<PacketRow> packets(LocalNo from, size_t max)
//   std::vector<Voucher> vouchers(VoucherNo from, size_t max)
// and `Cold` also
//   void add(const std::vector<PacketRow>&), void add(const std::vector<Voucher>&)   durable when they return
//   LocalNo next_local(), VoucherNo next_no()   behind the last row that is there
// `GoOn` is asked between pieces; when it says no, the work ends and the next one goes on from there. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "core/stored_day.h"
#include "ports/order_store.h"

namespace hongbao {

// How the step ended that lets the cold copy count.
enum class Retired : uint8_t {
  kDone,
  kFenced,   // the epoch is not the head's; nothing was done
  kChanged,  // the part holds more than was copied, or an active packet, or has moved already; nothing was done
};

// kFenced for kFenced, kUnavailable for kChanged.
inline Result<void> to_result(Retired retired) {
  switch (retired) {
    case Retired::kDone:
      return {};
    case Retired::kFenced:
      return fail(ErrorCode::kFenced, "another owner has the shard");
    case Retired::kChanged:
      return fail(ErrorCode::kUnavailable, "a packet of the day came while it was copied");
  }
  return fail(ErrorCode::kInternal);
}

// Calls `use(rows)` for all rows of one kind from `from` on. False: `go_on` said no.
template <class Key, class Read, class KeyOf, class Use>
bool for_pieces(Key from, Read read, KeyOf key_of, Use use, const GoOn& go_on) {
  while (true) {
    const auto rows = read(from, kMoveRowsMax);
    if (!rows.empty()) {
      use(rows);
      from = Key{key_of(rows.back()).value + 1};
    }
    if (rows.size() < kMoveRowsMax) {
      return true;
    }
    if (!go_on()) {
      return false;
    }
  }
}

template <class Side, class UsePackets, class UseVouchers>
bool for_rows(Side& side, LocalNo from_local, VoucherNo from_no, UsePackets packets, UseVouchers vouchers,
              const GoOn& go_on) {
  return for_pieces(
             from_local, [&](LocalNo from, size_t max) { return side.packets(from, max); },
             [](const PacketRow& row) { return row.order.key.local; }, packets, go_on) &&
         for_pieces(
             from_no, [&](VoucherNo from, size_t max) { return side.vouchers(from, max); },
             [](const Voucher& voucher) { return voucher.no; }, vouchers, go_on);
}

// Copies what the cold side has not. False: not all yet.
template <class Hot, class Cold>
bool copy_day(Hot& hot, Cold& cold, const GoOn& go_on) {
  const auto add = [&](const auto& rows) { cold.add(rows); };
  return for_rows(hot, cold.next_local(), cold.next_no(), add, add, go_on);
}

// nullopt: `go_on` said no.
template <class Side>
std::optional<DayTotals> digest_day(Side& side, const GoOn& go_on) {
  DayDigest digest;
  const auto add = [&](const auto& rows) {
    for (const auto& row : rows) {
      digest.add(row);
    }
  };
  return for_rows(side, LocalNo{0}, VoucherNo{0}, add, add, go_on) ? std::optional(digest.finish()) : std::nullopt;
}

// What both sides hold. nullopt: `go_on` said no. kStorage: they differ.
template <class Hot, class Cold>
Result<std::optional<DayTotals>> compare_day(Hot& hot, Cold& cold, const GoOn& go_on) {
  const auto wanted = digest_day(hot, go_on);
  const auto found = wanted ? digest_day(cold, go_on) : std::nullopt;
  if (found && *wanted != *found) {
    return fail(ErrorCode::kStorage, "the cold copy differs from the day");
  }
  return found;
}

}  // namespace hongbao
