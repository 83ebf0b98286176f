// The deployment's master keys: one makes what is new, and those before it are believed until they are retired. So a
// key can be changed while everything runs (docs/adr/0019).
//
// A key is in force from the beginning of a day, by which all nodes have it and change to it together. What a packet
// has for good, the tag of its id and the seal of its seed, is made with the key of its day. Everything else is made
// with the newest in force, and what was made with any that is not retired is believed. Of a retired key only what its
// days need is left: nothing new can be made with it.
//
// Any thread; `replace` and `turn`: one at a time.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "base/secret_memory.h"
#include "core/ids.h"

namespace hongbao {

// Subkeys of a master key; a number once given is never given to another purpose. 6 was an earlier link's between
// nodes.
enum KeyPurpose : uint8_t {
  kPacketTag = 1,
  kTicket = 2,
  kPayToken = 3,
  kPageToken = 4,
  kKeyId = 5,
  kVoucherMac = 7,
  kControlMac = 8,
  kCacheMac = 9,
  kSeedSeal = 10,
};
inline constexpr size_t kKeyPurposes = 11;
inline constexpr char kKeyContext[9] = "hongbao_";

inline constexpr size_t kRingKeysMax = 32;
inline constexpr size_t kLiveKeysMax = 4;  // each is tried on what is not the newest's

// A master key, as its subkeys.
struct RingKey {
  uint32_t number = 0;  // from 1
  Day from{};           // in force from its beginning
  bool is_retired = false;
  Key128 id{};  // tells one key from another without telling the key
  std::array<Key128, kKeyPurposes> short_subkeys{};
  std::array<Key256, kKeyPurposes> long_subkeys{};

  template <class Key>
  [[nodiscard]] const Key& subkey(KeyPurpose purpose) const {
    if constexpr (std::is_same_v<Key, Key128>) {
      return short_subkeys.at(purpose);
    } else {
      return long_subkeys.at(purpose);
    }
  }
};

using RingKeys = std::vector<RingKey, SecretAllocator<RingKey>>;

// A key that is not retired.
RingKey make_ring_key(uint32_t number, Day from, const Key256& master);
// The same key without what makes something new.
RingKey retired(const RingKey& key);

// The text of a file of keys: a line for each, by number.
//   1 retired 20000101 ID TAG-SUBKEY SEED-SUBKEY
//   2 live 20261128 MASTER-KEY
// All in hexadecimal; the first is in force from the beginning, 20000101. kConfig, in words that follow the file's
// name: the rule that it breaks.
Result<RingKeys> parse_keys(std::string_view text);

class KeyRing {
 public:
  // REQUIRES: as parse_keys makes them.
  KeyRing(RingKeys keys, Day today);
  // The one key there is, from the beginning.
  explicit KeyRing(const Key256& only);
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  // From now on these. kConfig, in words that follow the file's name: one that was known is missing or another, or a
  // new one was to be in force already, for then packets of that day would have two ids.
  Result<void> replace(RingKeys keys, Day today);
  // It is that day.
  void turn(Day today);

  // All keys, by number. Valid as long as the ring.
  [[nodiscard]] const RingKeys& keys() const { return now().keys; }
  // What new things are made with.
  [[nodiscard]] const RingKey& newest() const { return now().keys[now().newest]; }
  // What packets of that day are made with.
  [[nodiscard]] const RingKey& of_day(Day day) const;

 private:
  struct State {
    RingKeys keys;
    size_t newest = 0;
  };
  [[nodiscard]] const State& now() const { return *now_.load(std::memory_order_acquire); }
  void publish(RingKeys keys, Day today);

  std::vector<std::unique_ptr<const State>> all_;  // kept: somebody may be reading one, and they are few
  std::atomic<const State*> now_{nullptr};
};

// What one purpose takes of a ring. Copies are cheap.
template <class Key>
class Subkeys {
 public:
  // `ring` outlives it.
  Subkeys(const KeyRing& ring, KeyPurpose purpose) : ring_(&ring), purpose_(purpose) {}
  // The one key there is: for tests, and for whoever has been given it alone.
  Subkeys(const Key& only) : only_(only) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] const Key& newest() const {
    return ring_ == nullptr ? only_ : ring_->newest().template subkey<Key>(purpose_);
  }
  [[nodiscard]] const Key& of_day(Day day) const {
    return ring_ == nullptr ? only_ : ring_->of_day(day).template subkey<Key>(purpose_);
  }
  // The first that is true of what `look` says of a key that is believed, the latest first; else what it said last.
  template <class Look>
  [[nodiscard]] auto first_of(const Look& look) const {
    if (ring_ == nullptr) {
      return look(only_);
    }
    auto found = look(ring_->newest().template subkey<Key>(purpose_));
    const RingKey* tried = &ring_->newest();
    for (const RingKey& key : ring_->keys()) {
      if (found) {
        break;
      }
      if (!key.is_retired && &key != tried) {
        found = look(key.subkey<Key>(purpose_));
      }
    }
    return found;
  }

 private:
  const KeyRing* ring_ = nullptr;
  KeyPurpose purpose_ = kKeyId;
  Key only_{};
};

}  // namespace hongbao
