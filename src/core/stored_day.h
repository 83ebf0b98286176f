// A day of a shard as it lies in storage: its packets and vouchers in a pair of tables, hot or cold, and the figures by
// which one copy is compared with the other. Any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "base/crypto.h"
#include "core/packet.h"
#include "core/voucher.h"

namespace hongbao {

// A day is one part. A packet that is paid days late, when its day is cold already, begins another one. Names of tables
// are never used twice: a process that drops a table too late can't hit another's rows.
struct DayPart {
  Day day;
  uint32_t number = 1;

  friend constexpr auto operator<=>(const DayPart&, const DayPart&) = default;
};

// "20261122", "20261122_2"; ends the names of tables and files.
std::string to_text(DayPart part);

enum class DayPlace : uint8_t {
  kHot = 1,
  kMoved = 2,  // the cold copy counts; the hot tables may still be there
  kCold = 3,
};

struct VoucherSums {
  Money paid;
  Money opened;
  Money refunded;

  // Rows may be damaged: a kind that is none counts nowhere.
  void add(VoucherKind kind, Money amount);
  VoucherSums& operator+=(const VoucherSums& other);
  friend bool operator==(const VoucherSums&, const VoucherSums&) = default;
};

struct PacketRow {
  Order order;
  PacketState state = PacketState::kActive;
  friend bool operator==(const PacketRow&, const PacketRow&) = default;
};

// What a part holds. The checksum is BLAKE2b-256 over every field of every row.
struct DayTotals {
  uint64_t packets = 0;
  Money packets_total;
  uint64_t vouchers = 0;
  VoucherSums sums;
  VoucherNo least{};  // when there are vouchers
  VoucherNo greatest{};
  Hash256 checksum{};

  // Whether a voucher numbered from ≤ no, or from ≤ no < end, may be among them.
  [[nodiscard]] bool reaches(VoucherNo from) const { return vouchers > 0 && greatest >= from; }
  [[nodiscard]] bool touches(VoucherNo from, VoucherNo end) const { return reaches(from) && least < end; }
  friend bool operator==(const DayTotals&, const DayTotals&) = default;
};

struct StoredDay {
  DayPart part;
  DayPlace place = DayPlace::kHot;
  DayTotals totals;   // once it has moved; before, only `least`, `greatest` and whether there are vouchers at all
  uint32_t copy = 0;  // once it has moved: the epoch whose copy counts
};

// Sums up a part: its packets by `local`, then its vouchers by `no`.
class DayDigest {
 public:
  DayDigest();
  DayDigest(const DayDigest&) = delete;
  DayDigest& operator=(const DayDigest&) = delete;
  ~DayDigest();

  void add(const PacketRow& packet);
  void add(const Voucher& voucher);
  // Once, at the end.
  DayTotals finish();

 private:
  struct Hasher;
  std::unique_ptr<Hasher> hasher_;
  DayTotals totals_;
};

}  // namespace hongbao
