#include "core/ids.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "core/packet_id.h"
#include "core/rendezvous.h"

namespace hongbao {
namespace {

// 0x00 … 0x0f: the key of the known answers, which an independent SipHash-2-4 in Python computed.
constexpr Key128 kTagKey{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

PacketKey packet_key(std::string_view day, uint32_t epoch, uint32_t counter) {
  return {{Region::kSouth, 7}, Day::parse_yymmdd(day).value(), LocalNo::of(epoch, counter)};
}

int64_t unix_ms(int64_t seconds, int64_t millis = 0) {
  return seconds * 1000 + millis;
}

TEST(Day, ChangesAtMidnightInUtcPlus8) {
  // 2026-11-22T16:00:00Z is midnight of the 23rd in UTC+8.
  constexpr int64_t kMidnight_s = 1795363200;
  EXPECT_EQ(Day::of({unix_ms(kMidnight_s) - 1}).yymmdd(), "261122");
  EXPECT_EQ(Day::of({unix_ms(kMidnight_s)}).yymmdd(), "261123");
  EXPECT_EQ(Day::of({unix_ms(kMidnight_s, 999)}).yymmdd(), "261123");
  // The year turns at 16:00 UTC of 31 December.
  constexpr int64_t kNewYear_s = 1798732800;
  EXPECT_EQ(Day::of({unix_ms(kNewYear_s) - 1}).year(), 2026);
  EXPECT_EQ(Day::of({unix_ms(kNewYear_s)}).year(), 2027);
  EXPECT_EQ(Day::of({unix_ms(kNewYear_s)}).yyyymmdd(), "20270101");
}

TEST(Day, CountsBackwardsBefore1970) {
  EXPECT_EQ(Day::of({0}).since_epoch, 0);
  EXPECT_EQ(Day::of({-Day::kUtcOffset_ms}).since_epoch, 0);
  EXPECT_EQ(Day::of({-Day::kUtcOffset_ms - 1}).since_epoch, -1);
}

TEST(Day, RoundTripsThroughBothSpellings) {
  const Day first = Day::parse_yymmdd("000101").value();
  const Day last = Day::parse_yymmdd("991231").value();
  EXPECT_EQ(last.since_epoch - first.since_epoch + 1, 36525);
  for (Day day = first; day <= last; ++day.since_epoch) {
    ASSERT_EQ(Day::parse_yymmdd(day.yymmdd()), day);
    ASSERT_EQ(Day::parse_yyyymmdd(day.yyyymmdd()), day);
  }
}

TEST(Day, RefusesWhatIsNoDay) {
  for (const char* text : {"", "26112", "2611222", "261131", "261301", "260001", "260100", "230229", "26 122", "+61122",
                           "-61122", "2611 2", "26112a"}) {
    EXPECT_FALSE(Day::parse_yymmdd(text)) << text;
  }
  EXPECT_TRUE(Day::parse_yymmdd("240229"));
}

TEST(ShardId, RoundTrips) {
  for (const Region region : {Region::kSouth, Region::kNorth}) {
    for (uint16_t number = 0; number <= ShardId::kNumberMax; ++number) {
      const ShardId shard{region, number};
      ASSERT_EQ(parse_shard_id(to_text(shard)), shard);
    }
  }
  EXPECT_EQ(to_text(ShardId{Region::kNorth, 42}), "n042");
  for (const char* text : {"", "s", "s07", "s0007", "x007", "S007", "s-07", "s 07", "s00a", "007s"}) {
    EXPECT_FALSE(parse_shard_id(text)) << text;
  }
}

TEST(Region, HasOneNameEach) {
  EXPECT_EQ(parse_region_name("south"), Region::kSouth);
  EXPECT_EQ(parse_region_name("north"), Region::kNorth);
  for (const char* name : {"", "s", "South", "north "}) {
    EXPECT_FALSE(parse_region_name(name)) << name;
  }
}

TEST(UserId, TakesOnlyItsAlphabetAndLength) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    const bool allowed = byte < 128 && (std::isalnum(byte) != 0 || std::string_view("._@-").contains(c));
    EXPECT_EQ(UserId::parse(std::string(1, c)).has_value(), allowed) << byte;
  }
  EXPECT_FALSE(UserId::parse(""));
  EXPECT_TRUE(UserId::parse(std::string(64, 'a')));
  EXPECT_FALSE(UserId::parse(std::string(65, 'a')));
}

TEST(LocalNo, KeepsEpochAndCounterApart) {
  EXPECT_EQ(LocalNo::of(0, 0).value, 0U);
  EXPECT_EQ(LocalNo::of(1, 0).value, 1ULL << 30);
  EXPECT_EQ(LocalNo::of(0x3fff, LocalNo::kCounterMax).value, (1ULL << LocalNo::kBits) - 1);
  EXPECT_EQ(LocalNo::of(0x4000, 5), LocalNo::of(0, 5)) << "the epoch counts modulo 2^14";
}

TEST(LocalNo, CountersOfADayBeginWithItAndHaveRoomAtItsEnd) {
  const Timestamp midnight{20'779LL * 86'400'000 - Day::kUtcOffset_ms};
  EXPECT_EQ(LocalNo::counter_at(midnight), 0U);
  EXPECT_EQ(LocalNo::counter_at(midnight + std::chrono::milliseconds(1)), LocalNo::kNumbersPerMs);
  EXPECT_EQ(LocalNo::counter_at(midnight - std::chrono::milliseconds(1)), 691'199'992U);
  EXPECT_EQ(LocalNo::counter_at({-1}), LocalNo::counter_at({86'400'000 - 1})) << "before 1970";
}

TEST(PacketId, IsTheKnownAnswer) {
  EXPECT_EQ(PacketIdCodec(kTagKey).print(packet_key("261122", 3, 115)), "s007-261122-00300003k-ecrka3wj");
}

TEST(PacketId, HasAFormThatIsSeenWithoutTheKey) {
  EXPECT_TRUE(PacketIdCodec::has_form("s007-261122-00300003k-ecrka3wj"));
  EXPECT_TRUE(PacketIdCodec::has_form("s007-261122-00300003k-00000000"));
  for (const char* text : {"", "s007", "s007-261122-00300003k-ecrka3w", "s007-261122-00300003k-ecrka3wjj",
                           "s007-261322-00300003k-ecrka3wj", "x007-261122-00300003k-ecrka3wj",
                           "s007-261122-00300003k-ecrka3wl", "s007-261122-00300003k/ecrka3wj"}) {
    EXPECT_FALSE(PacketIdCodec::has_form(text)) << text;
  }
}

TEST(PacketId, RoundTrips) {
  const PacketIdCodec codec(kTagKey);
  for (const ShardId shard : {ShardId{Region::kSouth, 0}, ShardId{Region::kNorth, 999}}) {
    for (const char* day : {"000101", "240229", "261122", "991231"}) {
      for (const uint32_t epoch : {0U, 1U, 0x3fffU}) {
        for (const uint32_t counter : {0U, 1U, 31U, 32U, LocalNo::kCounterMax}) {
          const PacketKey key{shard, Day::parse_yymmdd(day).value(), LocalNo::of(epoch, counter)};
          const std::string id = codec.print(key);
          ASSERT_EQ(id.size(), 30U);
          ASSERT_EQ(codec.parse(id), key) << id;
        }
      }
    }
  }
}

TEST(PacketId, RefusesEverySubstitutionOfOneByte) {
  const PacketIdCodec codec(kTagKey);
  const std::string id = codec.print(packet_key("261122", 3, 115));
  for (size_t at = 0; at < id.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = id;
      changed[at] = static_cast<char>(byte);
      ASSERT_EQ(codec.parse(changed).has_value(), changed == id) << at << " " << byte;
    }
  }
}

TEST(PacketId, RefusesDeletionsInsertionsAndSwaps) {
  const PacketIdCodec codec(kTagKey);
  const std::string id = codec.print(packet_key("261122", 3, 115));
  for (size_t at = 0; at < id.size(); ++at) {
    EXPECT_FALSE(codec.parse(std::string(id).erase(at, 1))) << at;
    if (at + 1 < id.size() && id[at] != id[at + 1]) {
      std::string swapped = id;
      std::swap(swapped[at], swapped[at + 1]);
      EXPECT_FALSE(codec.parse(swapped)) << swapped;
    }
  }
  for (size_t at = 0; at <= id.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      ASSERT_FALSE(codec.parse(std::string(id).insert(at, 1, static_cast<char>(byte)))) << at << " " << byte;
    }
  }
}

TEST(PacketId, RefusesUpperCaseAndLookAlikes) {
  const PacketIdCodec codec(kTagKey);
  std::string id = codec.print(packet_key("261122", 3, 115));
  std::string upper = id;
  for (char& c : upper) {
    c = static_cast<char>(std::toupper(c));
  }
  EXPECT_FALSE(codec.parse(upper));
  EXPECT_FALSE(codec.parse(id.replace(id.find("00300003k"), 2, "oo")));
  EXPECT_FALSE(codec.parse(""));
  EXPECT_FALSE(codec.parse(std::string(30, '-')));
}

TEST(PacketId, RefusesAnotherKeysTag) {
  Key128 other_key = kTagKey;
  other_key[15] ^= 1;
  EXPECT_FALSE(PacketIdCodec(other_key).parse(PacketIdCodec(kTagKey).print(packet_key("261122", 3, 115))));
}

std::vector<ShardId> shards(uint16_t count) {
  std::vector<ShardId> out;
  out.reserve(count);
  for (uint16_t number = 0; number < count; ++number) {
    out.push_back({number % 2 == 0 ? Region::kSouth : Region::kNorth, number});
  }
  return out;
}

std::string routing_key(int i) {
  return "user" + std::to_string(i % 97) + "/key-" + std::to_string(i);
}

TEST(Route, HasNoAnswerWithoutShards) {
  EXPECT_FALSE(choose_shard("key", {}));
}

TEST(Route, DoesNotDependOnTheOrderOfShards) {
  const std::vector<ShardId> forward = shards(9);
  const std::vector<ShardId> backward(forward.rbegin(), forward.rend());
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_EQ(choose_shard(routing_key(i), forward), choose_shard(routing_key(i), backward));
  }
}

TEST(Route, RemovingAShardMovesOnlyItsKeys) {
  const std::vector<ShardId> all = shards(8);
  for (size_t removed = 0; removed < all.size(); ++removed) {
    std::vector<ShardId> rest = all;
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(removed));
    std::set<ShardId> heirs;
    for (int i = 0; i < 2'000; ++i) {
      const ShardId before = choose_shard(routing_key(i), all).value();
      const ShardId after = choose_shard(routing_key(i), rest).value();
      if (before == all[removed]) {
        heirs.insert(after);
      } else {
        ASSERT_EQ(after, before);
      }
    }
    EXPECT_EQ(heirs.size(), rest.size()) << "a lost shard's keys spread over all others";
  }
}

TEST(Route, SpreadsEvenly) {
  constexpr int kKeysPerShard = 5'000;
  std::map<ShardId, int> counts;
  for (int i = 0; i < 8 * kKeysPerShard; ++i) {
    ++counts[choose_shard(routing_key(i), shards(8)).value()];
  }
  ASSERT_EQ(counts.size(), 8U);
  for (const auto& [shard, count] : counts) {
    EXPECT_NEAR(count, kKeysPerShard, 5 * 66) << to_text(shard);  // 66: the standard deviation, √(n·⅛·⅞)
  }
}

}  // namespace
}  // namespace hongbao
