#include "core/ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace hongbao {
namespace {

// Digits only, no sign, no space; nullopt otherwise.
std::optional<int> parse_digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  return text.empty() ? std::nullopt : std::optional(value);
}

std::chrono::year_month_day calendar(Day day) {
  return std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(day.since_epoch)));
}

constexpr int64_t kDay_ms = 24LL * 3600 * 1000;

}  // namespace

std::optional<Region> parse_region_name(std::string_view name) {
  if (name == region_name(Region::kSouth)) {
    return Region::kSouth;
  }
  if (name == region_name(Region::kNorth)) {
    return Region::kNorth;
  }
  return std::nullopt;
}

std::string to_text(ShardId shard) {
  return fmt::format("{}{:03}", static_cast<char>(shard.region), shard.number);
}

std::optional<ShardId> parse_shard_id(std::string_view text) {
  if (text.size() != 4 || (text[0] != 's' && text[0] != 'n')) {
    return std::nullopt;
  }
  const auto number = parse_digits(text.substr(1));
  if (!number) {
    return std::nullopt;
  }
  return ShardId{static_cast<Region>(text[0]), static_cast<uint16_t>(*number)};
}

Day Day::of(Timestamp at) {
  const int64_t local_ms = at.unix_ms + kUtcOffset_ms;
  const int64_t days = local_ms >= 0 ? local_ms / kDay_ms : (local_ms - kDay_ms + 1) / kDay_ms;
  return {static_cast<int32_t>(days)};
}

std::string Day::yymmdd() const {
  return yyyymmdd().substr(2);
}

std::string Day::yyyymmdd() const {
  const auto ymd = calendar(*this);
  return fmt::format("{:04}{:02}{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                     static_cast<unsigned>(ymd.day()));
}

int Day::year() const {
  return static_cast<int>(calendar(*this).year());
}

std::optional<Day> Day::parse_yymmdd(std::string_view text) {
  return text.size() == 6 ? parse_yyyymmdd(fmt::format("20{}", text)) : std::nullopt;
}

std::optional<Day> Day::parse_yyyymmdd(std::string_view text) {
  if (text.size() != 8) {
    return std::nullopt;
  }
  const auto year = parse_digits(text.substr(0, 4));
  const auto month = parse_digits(text.substr(4, 2));
  const auto day = parse_digits(text.substr(6, 2));
  if (!year || !month || !day) {
    return std::nullopt;
  }
  const std::chrono::year_month_day ymd{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                        std::chrono::day(static_cast<unsigned>(*day))};
  if (!ymd.ok()) {
    return std::nullopt;
  }
  return Day{static_cast<int32_t>(std::chrono::sys_days(ymd).time_since_epoch().count())};
}

uint32_t LocalNo::counter_at(Timestamp at) {
  static_assert(kDay_ms * kNumbersPerMs <= int64_t{kCounterMax} * 2 / 3, "room for days on which a shard gives more");
  const int64_t ms_of_day = at.unix_ms + Day::kUtcOffset_ms - Day::of(at).since_epoch * kDay_ms;
  return static_cast<uint32_t>(ms_of_day) * kNumbersPerMs;
}

template <class Of>
std::optional<NameOf<Of>> NameOf<Of>::parse(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '@' || c == '-';
  };
  if (text.empty() || text.size() > kLengthMax || !std::all_of(text.begin(), text.end(), allowed)) {
    return std::nullopt;
  }
  return trusted(std::string(text));
}

template <class Of>
NameOf<Of> NameOf<Of>::trusted(std::string text) {
  CHECK(!text.empty() && text.size() <= kLengthMax);
  NameOf name;
  name.text_ = std::move(text);
  return name;
}

template class NameOf<User>;
template class NameOf<Group>;

}  // namespace hongbao
