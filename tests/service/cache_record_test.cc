#include "service/cache_record.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace hongbao {
namespace {

constexpr std::string_view kKey = "profile:alice";

std::string example() {
  RecordWriter writer(RecordLayout::kProfile, kKey);
  writer.number(300);
  writer.text("红包");
  writer.money(Money(20'000));
  writer.time({1'795'384'267'000});
  return std::move(writer).finish();
}

// Whether it reads back whole.
bool reads(std::string_view bytes) {
  RecordReader reader(bytes, RecordLayout::kProfile, kKey);
  const bool same = reader.number(300) == 300 && reader.text() == "红包" && reader.money() == Money(20'000) &&
                    reader.time() == Timestamp{1'795'384'267'000};
  EXPECT_TRUE(same || !reader.complete());
  return reader.complete();
}

TEST(CacheRecordTest, WhatWasWrittenReadsBack) {
  EXPECT_TRUE(reads(example()));
}

TEST(CacheRecordTest, EveryOtherValueOfEveryByteIsNoticed) {
  for (size_t i = 0; i < example().size(); ++i) {
    for (int flipped = 1; flipped < 256; ++flipped) {
      std::string damaged = example();
      damaged[i] = static_cast<char>(damaged[i] ^ flipped);
      EXPECT_FALSE(reads(damaged)) << i << " ^ " << flipped;
    }
  }
}

TEST(CacheRecordTest, EveryTruncationAndWhatIsLongerIsNoticed) {
  for (size_t size = 0; size < example().size(); ++size) {
    EXPECT_FALSE(reads(example().substr(0, size))) << size;
  }
  EXPECT_FALSE(reads(example() + "x"));
}

TEST(CacheRecordTest, ARecordOfAnotherKeyIsRefused) {
  const std::string bytes = example();
  for (const char* key : {"", "profile:alicf", "profile:alice ", "profile:alic", "view:alice"}) {
    EXPECT_FALSE(RecordReader(bytes, RecordLayout::kProfile, key).good()) << key;
  }
}

TEST(CacheRecordTest, AnotherLayoutIsRefused) {
  const std::string bytes = example();
  EXPECT_FALSE(RecordReader(bytes, RecordLayout::kSentHead, kKey).good());
}

TEST(CacheRecordTest, MoreAndFewerFieldsThanWereWrittenAreNoticed) {
  const std::string whole = example();
  RecordReader fewer(whole, RecordLayout::kProfile, kKey);
  fewer.number(300);
  EXPECT_TRUE(fewer.good());
  EXPECT_FALSE(fewer.complete());
  RecordWriter writer(RecordLayout::kProfile, kKey);
  writer.number(1);
  const std::string bytes = std::move(writer).finish();
  RecordReader more(bytes, RecordLayout::kProfile, kKey);
  more.number(1);
  EXPECT_EQ(more.text(), "");
  EXPECT_FALSE(more.complete());
}

TEST(CacheRecordTest, ANumberOutOfRangeIsRefused) {
  const std::string bytes = example();
  RecordReader reader(bytes, RecordLayout::kProfile, kKey);
  EXPECT_EQ(reader.number(299), 0U);
  EXPECT_EQ(reader.text(), "");
  EXPECT_FALSE(reader.complete());
}

RC_GTEST_PROP(CacheRecordTest, EveryNumberReadsBack, (uint64_t value)) {
  RecordWriter writer(RecordLayout::kProfile, kKey);
  writer.number(value);
  const std::string bytes = std::move(writer).finish();
  RecordReader reader(bytes, RecordLayout::kProfile, kKey);
  RC_ASSERT(reader.number(UINT64_MAX) == value);
  RC_ASSERT(reader.complete());
}

RC_GTEST_PROP(CacheRecordTest, GarbageIsRefused, (const std::string& bytes)) {
  RC_ASSERT(!RecordReader(bytes, RecordLayout::kProfile, kKey).good());
}

}  // namespace
}  // namespace hongbao
