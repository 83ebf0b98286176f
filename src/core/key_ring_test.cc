// Which key makes what on which day, what is believed, and what a file of keys may say.
#include "core/key_ring.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/packet_id.h"
#include "core/page_token.h"
#include "core/ticket.h"

namespace hongbao::key_ring_test {
namespace {

using testing::HasSubstr;

const std::string kFirst = std::string(32, '0') + std::string(32, '1');
const std::string kSecond = std::string(32, '2') + std::string(32, '3');
const std::string kThird = std::string(32, '4') + std::string(32, '5');

Day day(const char* text) {
  return Day::parse_yyyymmdd(text).value();
}

RingKeys keys(const std::string& text) {
  return parse_keys(text).value();
}

std::string one() {
  return fmt::format("1 live 20000101 {}\n", kFirst);
}
std::string two() {
  return one() + fmt::format("2 live 20261201 {}\n", kSecond);
}
std::string retired_one() {
  const RingKey left = retired(keys(one()).front());
  return fmt::format("1 retired 20000101 {} {} {}\n", to_hex(left.id), to_hex(left.short_subkeys[kPacketTag]),
                     to_hex(left.long_subkeys[kSeedSeal]));
}
std::string retired_and_two() {
  return retired_one() + fmt::format("2 live 20261201 {}\n", kSecond);
}

std::string rule(const std::string& text) {
  const auto parsed = parse_keys(text);
  EXPECT_FALSE(parsed);
  return parsed ? "" : parsed.error().detail;
}

TEST(KeyRing, AKeyIsInForceFromItsDay) {
  KeyRing ring(keys(two()), day("20261130"));
  EXPECT_EQ(ring.newest().number, 1);
  ring.turn(day("20261130"));
  EXPECT_EQ(ring.newest().number, 1);
  ring.turn(day("20261201"));
  EXPECT_EQ(ring.newest().number, 2);
  EXPECT_EQ(ring.of_day(day("20261130")).number, 1);
  EXPECT_EQ(ring.of_day(day("20261201")).number, 2);
  EXPECT_EQ(ring.of_day(day("20301201")).number, 2);
  EXPECT_EQ(ring.of_day(Day{-5}).number, 1);
  EXPECT_EQ(KeyRing(keys(two()), day("20261205")).newest().number, 2);
}

TEST(KeyRing, APacketKeepsItsIdWhateverKeyIsInForce) {
  KeyRing ring(keys(one()), day("20261130"));
  const PacketIdCodec ids({ring, kPacketTag});
  const PacketKey before{{Region::kSouth, 7}, day("20261130"), LocalNo{5}};
  const PacketKey after{{Region::kSouth, 7}, day("20261201"), LocalNo{5}};
  const std::string id = ids.print(before);
  ASSERT_TRUE(ring.replace(keys(two()), day("20261130")));
  ring.turn(day("20261201"));
  EXPECT_EQ(ids.print(before), id);
  EXPECT_EQ(ids.parse(id), before);
  const std::string later = ids.print(after);
  EXPECT_EQ(ids.parse(later), after);
  EXPECT_NE(later, PacketIdCodec(keys(one()).front().subkey<Key128>(kPacketTag)).print(after));
  ASSERT_TRUE(ring.replace(keys(retired_and_two()), day("20261202")));
  EXPECT_EQ(ids.print(before), id) << "its key is retired";
}

TEST(KeyRing, WhatAnEarlierKeyMadeIsBelievedUntilThatIsRetired) {
  KeyRing ring(keys(two()), day("20261130"));
  const TicketCodec tickets({ring, kTicket});
  const PageTokenCodec pages({ring, kPageToken});
  const PacketKey packet{{Region::kSouth, 7}, day("20261130"), LocalNo{5}};
  const UserId user = UserId::trusted("alice");
  const Timestamp end{1'900'000'000'000};
  const std::string ticket = tickets.print(packet, user, end);
  const std::string page = pages.print("list", {1, {.tie = 7}});
  ring.turn(day("20261201"));
  EXPECT_NE(tickets.print(packet, user, end), ticket);
  EXPECT_TRUE(tickets.check(ticket, packet, user, {0}));
  EXPECT_TRUE(pages.parse("list", page));
  EXPECT_FALSE(tickets.check(ticket, packet, UserId::trusted("bob"), {0}));
  ASSERT_TRUE(ring.replace(keys(retired_and_two()), day("20261201")));
  EXPECT_FALSE(tickets.check(ticket, packet, user, {0}));
  EXPECT_FALSE(pages.parse("list", page));
  EXPECT_TRUE(tickets.check(tickets.print(packet, user, end), packet, user, {0}));
}

// A node whose day has not begun yet believes one whose day has.
TEST(KeyRing, WhatAComingKeyMadeIsBelieved) {
  const KeyRing early(keys(two()), day("20261130"));
  const KeyRing late(keys(two()), day("20261201"));
  const PageTokenCodec made({late, kPageToken});
  EXPECT_TRUE(PageTokenCodec({early, kPageToken}).parse("list", made.print("list", {1, {.tie = 7}})));
}

TEST(KeyRing, OfARetiredKeyNothingNewCanBeMade) {
  const RingKey left = keys(retired_and_two()).front();
  EXPECT_TRUE(left.is_retired);
  EXPECT_EQ(left.id, keys(one()).front().id);
  for (const KeyPurpose purpose : {kTicket, kPayToken, kPageToken, kVoucherMac, kControlMac, kCacheMac}) {
    EXPECT_EQ(left.subkey<Key128>(purpose), Key128{});
    EXPECT_EQ(left.subkey<Key256>(purpose), Key256{});
  }
}

TEST(KeyRing, WhatIsKnownStaysAsItIs) {
  const Day today = day("20261130");
  KeyRing ring(keys(two()), today);
  const auto refused = [&](const std::string& text, const char* reason, Day at) {
    const auto replaced = ring.replace(keys(text), at);
    ASSERT_FALSE(replaced);
    EXPECT_THAT(replaced.error().detail, HasSubstr(reason));
    EXPECT_EQ(ring.keys().size(), 2);
  };
  refused(one(), "has no key 2", today);
  refused(one() + fmt::format("2 live 20261201 {}\n", kThird), "another key 2", today);
  refused(one() + fmt::format("2 live 20261202 {}\n", kSecond), "another key 2", today);
  refused(retired_and_two(), "retired key 1", today);
  refused(two() + fmt::format("3 live 20261205 {}\n", kThird), "begin tomorrow", day("20261205"));
  EXPECT_TRUE(ring.replace(keys(two() + fmt::format("3 live 20261206 {}\n", kThird)), day("20261205")));
  EXPECT_EQ(ring.newest().number, 2);
}

TEST(KeyRing, AFileSaysWhatItMust) {
  EXPECT_EQ(keys("\n" + two() + "\n").size(), 2);
  EXPECT_THAT(rule(""), HasSubstr("not retired"));
  EXPECT_THAT(rule(retired_one()), HasSubstr("not retired"));
  EXPECT_THAT(rule(kFirst), HasSubstr("NUMBER live DAY KEY")) << "as a release before had it";
  EXPECT_THAT(rule("1 new 20000101 " + kFirst), HasSubstr("NUMBER live DAY KEY"));
  EXPECT_THAT(rule("1 live 20001301 " + kFirst), HasSubstr("NUMBER live DAY KEY"));
  EXPECT_THAT(rule("1 live 20000101 " + std::string(64, '0')), HasSubstr("over and over"));
  EXPECT_THAT(rule("1 live 20000101 " + kFirst + "00"), HasSubstr("64 hexadecimal"));
  EXPECT_THAT(rule("1 live 20000102 " + kFirst), HasSubstr("1, 2, 3"));
  EXPECT_THAT(rule("2 live 20000101 " + kFirst), HasSubstr("1, 2, 3"));
  EXPECT_THAT(rule(two() + "3 live 20261201 " + kThird), HasSubstr("later day"));
  EXPECT_THAT(rule("1 retired 20000101 00 11 22\n"), HasSubstr("two subkeys"));
  std::string many = one();
  for (int number = 2; number <= 5; ++number) {
    many += fmt::format("{} live 2026120{} {}\n", number, number, kSecond);
  }
  EXPECT_THAT(rule(many), HasSubstr("at most 4"));
}

}  // namespace
}  // namespace hongbao::key_ring_test
