#include "core/control_entry.h"

#include <gtest/gtest.h>

namespace hongbao::control_entry_test {
namespace {

const ControlEntryCodec kCodec(Key256{1, 2, 3});
const ControlEntry kEntry{1'795'384'267'250'000, "off"};

TEST(ControlEntry, RoundTrips) {
  EXPECT_EQ(kCodec.parse("switch.grabs", kCodec.print("switch.grabs", kEntry)), kEntry);
}

TEST(ControlEntry, IsOfOneNameAndOneKey) {
  EXPECT_EQ(kCodec.parse("switch.opens", kCodec.print("switch.grabs", kEntry)), std::nullopt);
  EXPECT_EQ(kCodec.parse("switch.grabs", ControlEntryCodec(Key256{}).print("switch.grabs", kEntry)), std::nullopt);
}

TEST(ControlEntry, NoByteCanBeChangedAddedOrLeftOut) {
  const std::string good = kCodec.print("switch.grabs", kEntry);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(kCodec.parse("switch.grabs", changed), std::nullopt) << i;
    EXPECT_EQ(kCodec.parse("switch.grabs", good.substr(0, i)), std::nullopt) << i;
  }
  EXPECT_EQ(kCodec.parse("switch.grabs", good + " "), std::nullopt);
  EXPECT_EQ(kCodec.parse("switch.grabs", " " + good), std::nullopt);
}

TEST(ControlEntry, GarbageIsNothing) {
  for (const char* text :
       {"", " ", "  ", "off", "off on", "1 off", "1  ", "x off 00", "-1 off 00", "18446744073709551616 off 00"}) {
    EXPECT_EQ(kCodec.parse("switch.grabs", text), std::nullopt) << text;
  }
}

// The parts of what is under the MAC can't be cut otherwise.
TEST(ControlEntry, ANameCannotTakeAPieceOfTheVersion) {
  EXPECT_NE(kCodec.print("a", {11, "off"}).substr(7), kCodec.print("a 1", {1, "off"}).substr(6));
}

}  // namespace
}  // namespace hongbao::control_entry_test
