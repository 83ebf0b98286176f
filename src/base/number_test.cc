#include "base/number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace hongbao {
namespace {

TEST(Number, TakesDecimalDigits) {
  EXPECT_EQ(parse_decimal<int64_t>("0"), 0);
  EXPECT_EQ(parse_decimal<int64_t>("100"), 100);
  EXPECT_EQ(parse_decimal<int64_t>("-7"), -7);
  EXPECT_EQ(parse_decimal<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_decimal<uint16_t>("65535"), 65535);
}

TEST(Number, RefusesEveryOtherSpelling) {
  for (const char* text : {"",      "-",     "+5",    "010", "00", "-0",  "-01", "0x10", "0X10", "0b1", "1e3", "1.0",
                           "1_000", "1'000", "1,000", " 1",  "1 ", "1\n", "١٢",  "９",   "--1",  "inf", "nan"}) {
    EXPECT_FALSE(parse_decimal<int64_t>(text)) << text;
  }
  EXPECT_FALSE(parse_decimal<int64_t>(std::string_view("1\0", 2)));
}

TEST(Number, RefusesWhatTheTypeDoesNotHold) {
  EXPECT_FALSE(parse_decimal<uint16_t>("65536"));
  EXPECT_FALSE(parse_decimal<uint32_t>("-1"));
  EXPECT_FALSE(parse_decimal<int64_t>("9223372036854775808"));
}

}  // namespace
}  // namespace hongbao
