#include "core/key_ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/number.h"

namespace hongbao {
namespace {

constexpr std::string_view kForm =
    "must have a line \"NUMBER live DAY KEY\" for each key, or \"NUMBER retired DAY ID SUBKEY SUBKEY\"";
const Day kBeginning = Day::parse_yyyymmdd("20000101").value();

std::unexpected<Error> refuse(std::string rule) {
  return fail(ErrorCode::kConfig, std::move(rule));
}

std::string_view take_until(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

template <class Key>
std::optional<Key> read_key(std::string_view hex) {
  auto bytes = from_hex(hex);
  Key key{};
  if (!bytes || bytes->size() != key.size() ||
      std::ranges::all_of(*bytes, [&](char byte) { return byte == bytes->front(); })) {
    return std::nullopt;
  }
  std::ranges::copy(*bytes, key.begin());
  wipe(*bytes);
  return key;
}

// What no line can be a key without: number, state and day.
Result<RingKey> read_line(std::string_view line) {
  const auto number = parse_decimal<uint32_t>(take_until(line, ' '));
  const std::string_view state = take_until(line, ' ');
  const auto from = Day::parse_yyyymmdd(take_until(line, ' '));
  if (!number || !from || (state != "live" && state != "retired")) {
    return refuse(std::string(kForm));
  }
  if (state == "live") {
    auto master = read_key<Key256>(line);
    if (!master) {
      return refuse(fmt::format("must have 64 hexadecimal digits, and not one byte over and over, as key {}", *number));
    }
    RingKey key = make_ring_key(*number, *from, *master);
    wipe(*master);
    return key;
  }
  RingKey key{.number = *number, .from = *from, .is_retired = true};
  const auto id = read_key<Key128>(take_until(line, ' '));
  const auto tag = read_key<Key128>(take_until(line, ' '));
  const auto seal = read_key<Key256>(line);
  if (!id || !tag || !seal) {
    return refuse(fmt::format("must have the id and two subkeys of key {}, which is retired", *number));
  }
  key.id = *id;
  key.short_subkeys[kPacketTag] = *tag;
  key.long_subkeys[kSeedSeal] = *seal;
  return key;
}

}  // namespace

RingKey make_ring_key(uint32_t number, Day from, const Key256& master) {
  RingKey key{.number = number, .from = from, .id = derive_key128(master, kKeyId, kKeyContext)};
  for (size_t purpose = 1; purpose < kKeyPurposes; ++purpose) {
    key.short_subkeys[purpose] = derive_key128(master, purpose, kKeyContext);
    key.long_subkeys[purpose] = derive_key(master, purpose, kKeyContext);
  }
  return key;
}

RingKey retired(const RingKey& key) {
  RingKey left{.number = key.number, .from = key.from, .is_retired = true, .id = key.id};
  left.short_subkeys[kPacketTag] = key.short_subkeys[kPacketTag];
  left.long_subkeys[kSeedSeal] = key.long_subkeys[kSeedSeal];
  return left;
}

Result<RingKeys> parse_keys(std::string_view text) {
  RingKeys keys;
  while (!text.empty()) {
    const std::string_view line = take_until(text, '\n');
    if (line.empty()) {
      continue;
    }
    auto key =
        keys.size() < kRingKeysMax ? read_line(line) : refuse(fmt::format("must have at most {} keys", kRingKeysMax));
    if (!key) {
      return std::unexpected(key.error());
    }
    if (key->number != keys.size() + 1 || (keys.empty() ? key->from != kBeginning : key->from <= keys.back().from)) {
      return refuse(
          "must have keys 1, 2, 3 …, the first from 20000101, and each in force from a later day than the one before");
    }
    keys.push_back(*key);
  }
  if (keys.empty() || keys.back().is_retired) {
    return refuse("must have a key that is not retired behind those that are");
  }
  if (static_cast<size_t>(std::ranges::count(keys, false, &RingKey::is_retired)) > kLiveKeysMax) {
    return refuse(fmt::format("must have at most {} keys that are not retired: retire the oldest", kLiveKeysMax));
  }
  return keys;
}

KeyRing::KeyRing(RingKeys keys, Day today) {
  CHECK(!keys.empty());
  publish(std::move(keys), today);
}

KeyRing::KeyRing(const Key256& only) : KeyRing({make_ring_key(1, kBeginning, only)}, kBeginning) {}

void KeyRing::publish(RingKeys keys, Day today) {
  auto state = std::make_unique<State>();
  state->keys = std::move(keys);
  for (size_t i = 0; i < state->keys.size(); ++i) {
    if (state->keys[i].from <= today) {
      state->newest = i;
    }
  }
  now_.store(state.get(), std::memory_order_release);
  all_.push_back(std::move(state));
}

Result<void> KeyRing::replace(RingKeys keys, Day today) {
  const RingKeys& known = now().keys;
  for (size_t i = 0; i < std::max(known.size(), keys.size()); ++i) {
    if (i >= keys.size()) {
      return refuse(fmt::format("has no key {}, which is in use: put it back", i + 1));
    }
    if (i >= known.size()) {
      if (keys[i].from <= today) {
        return refuse(fmt::format("has a key {} that is new and in force from {}: let it begin tomorrow or later",
                                  i + 1, keys[i].from.yyyymmdd()));
      }
    } else if (keys[i].id != known[i].id || keys[i].from != known[i].from ||
               (known[i].is_retired && !keys[i].is_retired)) {
      return refuse(fmt::format("has another key {} than is in use: put that back", i + 1));
    } else if (keys[i].is_retired && &known[i] == &newest()) {
      return refuse(fmt::format("has retired key {}, and the next one is not in force yet", i + 1));
    }
  }
  publish(std::move(keys), today);
  return {};
}

void KeyRing::turn(Day today) {
  const State& state = now();
  if (state.newest + 1 < state.keys.size() && state.keys[state.newest + 1].from <= today) {
    publish(RingKeys(state.keys), today);
  }
}

const RingKey& KeyRing::of_day(Day day) const {
  const RingKeys& all = now().keys;
  const RingKey* found = &all.front();
  for (const RingKey& key : all) {
    if (key.from <= day) {
      found = &key;
    }
  }
  return *found;
}

}  // namespace hongbao
