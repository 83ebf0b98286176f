// The names of things: regions, shards, days, packets, vouchers, users, groups. Strong types, so that one can't be
// passed for another. Any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace hongbao {

enum class Region : char { kSouth = 's', kNorth = 'n' };

constexpr std::string_view region_name(Region region) {
  return region == Region::kSouth ? "south" : "north";
}
std::optional<Region> parse_region_name(std::string_view name);

// Printed "s007": what a load balancer routes on.
struct ShardId {
  Region region = Region::kSouth;
  uint16_t number = 0;

  static constexpr uint16_t kNumberMax = 999;
  friend constexpr auto operator<=>(ShardId, ShardId) = default;
};
std::string to_text(ShardId shard);
std::optional<ShardId> parse_shard_id(std::string_view text);

// A calendar day in UTC+8, counted from 1970-01-01. It names the table that holds a packet.
struct Day {
  int32_t since_epoch = 0;

  static constexpr int64_t kUtcOffset_ms = 8 * 3600 * 1000;
  static Day of(Timestamp at);
  // "261122"; the years 2000 to 2099.
  [[nodiscard]] std::string yymmdd() const;
  // "20261122"; names the tables.
  [[nodiscard]] std::string yyyymmdd() const;
  [[nodiscard]] int year() const;
  static std::optional<Day> parse_yymmdd(std::string_view text);
  static std::optional<Day> parse_yyyymmdd(std::string_view text);
  friend constexpr auto operator<=>(Day, Day) = default;
};

// A packet's number inside its shard and day: the shard's fencing epoch (modulo 2^14) and a counter that rises with
// every packet and is never behind the time of day. So two numbers differ in the epoch or in the time, also when the
// shard went back to an older copy of itself and has an epoch for the second time (docs/adr/0014).
struct LocalNo {
  uint64_t value = 0;

  static constexpr int kCounterBits = 30;
  static constexpr int kBits = 44;
  static constexpr uint32_t kCounterMax = (1U << kCounterBits) - 1;
  static constexpr uint32_t kNumbersPerMs = 8;
  // The least counter that may be given out then: 8 for each millisecond of the day, in which a shard gives fewer.
  static uint32_t counter_at(Timestamp at);
  static constexpr LocalNo of(uint32_t epoch, uint32_t counter) {
    return {(static_cast<uint64_t>(epoch) & 0x3fff) << kCounterBits | counter};
  }
  friend constexpr auto operator<=>(LocalNo, LocalNo) = default;
};

// What a packet id says, without its tag.
struct PacketKey {
  ShardId shard;
  Day day;
  LocalNo local;

  friend constexpr auto operator<=>(const PacketKey&, const PacketKey&) = default;
};

// A position in a shard's voucher log; the first voucher is 1.
struct VoucherNo {
  uint64_t value = 1;

  friend constexpr auto operator<=>(VoucherNo, VoucherNo) = default;
  friend constexpr VoucherNo operator+(VoucherNo no, uint64_t n) { return {no.value + n}; }
};

// What the app's back end names users and groups with: 1 to 64 characters of [A-Za-z0-9._@-].
template <class Of>
class NameOf {
 public:
  static constexpr size_t kLengthMax = 64;

  NameOf() = default;
  static std::optional<NameOf> parse(std::string_view text);
  // REQUIRES: `text` was such a name before (read back from a store).
  static NameOf trusted(std::string text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  friend auto operator<=>(const NameOf&, const NameOf&) = default;

 private:
  std::string text_;
};

struct User;
struct Group;
using UserId = NameOf<User>;    // comes from a token's `sub`
using GroupId = NameOf<Group>;  // comes from a token's `groups`
extern template class NameOf<User>;
extern template class NameOf<Group>;

}  // namespace hongbao

template <>
struct std::hash<hongbao::PacketKey> {
  size_t operator()(const hongbao::PacketKey& key) const noexcept {
    // splitmix64's finalizer: neighbours in `local` must not share stripes.
    uint64_t x = key.local.value ^ static_cast<uint64_t>(key.day.since_epoch) << 44 ^
                 static_cast<uint64_t>(key.shard.number) << 20 ^ static_cast<uint64_t>(key.shard.region) << 56;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
};

template <>
struct std::hash<hongbao::ShardId> {
  size_t operator()(hongbao::ShardId shard) const noexcept {
    return static_cast<size_t>(shard.number) << 8 | static_cast<unsigned char>(shard.region);
  }
};

template <>
struct std::hash<hongbao::UserId> {
  size_t operator()(const hongbao::UserId& user) const noexcept { return std::hash<std::string>()(user.text()); }
};
