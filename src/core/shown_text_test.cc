#include "core/shown_text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>

namespace hongbao {
namespace {

TEST(ShownText, ControlAndFormatCharactersGo) {
  for (const char* c : {
           "\n",         "\t",         "\x1b",       "\x7f",       "\u009b", "\u0085",     "\u00ad",
           "\u061c",     "\u200b",     "\u200e",     "\u200f",     "\u2028", "\u2029",     "\u202a",
           "\u202b",     "\u202c",     "\u202d",     "\u202e",     "\u2060", "\u2061",     "\u2064",
           "\u2066",     "\u2067",     "\u2068",     "\u2069",     "\u206a", "\u206f",     "\ufeff",
           "\ufff9",     "\ufffb",     "\u2065",     "\ufff0",     "\ufffe", "\U0001ffff", "\U000e0001",
           "\U000e0041", "\U000e007f", "\U0001d173", "\U000e0fff", "\u200c", "\u200d",     "\u180e",
       }) {
    EXPECT_EQ(without_controls(std::string("a") + c + "b"), "ab") << std::string(c);
    EXPECT_EQ(without_controls(std::string("红") + c + "包"), "红包") << std::string(c);
    EXPECT_EQ(without_controls(std::string("🧧") + c), "🧧") << std::string(c);
    EXPECT_FALSE(shows_anything(c));
  }
  EXPECT_EQ(without_controls(std::string_view("a\0b", 3)), "ab");
  EXPECT_EQ(without_controls("a\xed\xa0\x80z\xff\xc0\x80"), "az") << "a lone surrogate, and what is no UTF-8";
}

TEST(ShownText, ScriptsAndEmojiStayWhole) {
  for (const char* text : {
           "恭喜发财，大吉大利",
           "葛\U000e0100城",  // a variant of a letter
           "مرحبا بالعالم",
           "שָׁלוֹם",  //
           "می‌خواهم",
           "نامه‌ای",  // a non-joiner between joining letters
           "۱۴۰۵ ه‍",
           "لٌ‌ا",  // a joiner at a word's end; a non-joiner behind a mark
           "สวัสดีปีใหม่",
           "នូវ",
           "မင်္ဂလာပါ",  //
           "क्‍ष",
           "क्‌ष",
           "ന്‍",
           "ශ්‍රී",
           "র‍্য",  // joiners behind viramas, also at the end; before one
           "ᠮᠣᠩᠭᠣᠯ",
           "ᠬᠠᠷ\u180eᠠ",
           "ᠭ᠋ᠠ",  // Mongolian, with its separator and a variant
           "\u0600۱۲",
           "۝۱",                            // signs that enclose numbers
           "\U00013000\U00013430\U00013001",  // hieroglyphs above each other
           "e\u0301",
           "Zürich",
           "ﬁ",
           "½",
           "a b",
           "\u3000",
           "한글",
           "\u1112\u1161\u11ab",
           "🧧",
           "❤️",
           "☺︎",
           "1️⃣",
           "🇨🇳",
           "👍🏽",
           "👩‍👩‍👧‍👦",
           "🏳️‍🌈",
           "🏴‍☠️",
           "👁️‍🗨️",
           "🏋🏽‍♂️",
           "🫱🏻‍🫲🏿",
           "🐈‍⬛",
           "🚶‍➡️",
           "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  // Scotland's flag
           "\U0001fae9",                                                      // an emoji of Unicode 16
           "\ue000",
       }) {
    EXPECT_EQ(without_controls(text), text);
    EXPECT_EQ(shows_anything(text), std::string_view(text) != "\u3000") << text;
  }
}

TEST(ShownText, JoinersAndTagsStayOnlyWhereTheyAreOfUse) {
  EXPECT_EQ(without_controls("🧧\u200d"), "🧧");
  EXPECT_EQ(without_controls("\u200d🧧"), "🧧");
  EXPECT_EQ(without_controls("🧧\u200da"), "🧧a");
  EXPECT_EQ(without_controls("👩\u200d\u200d👧"), "👩\u200d👧");
  EXPECT_EQ(without_controls("👩\u202e\u200d👧"), "👩\u200d👧") << "what goes does not stand between";
  EXPECT_EQ(without_controls("م\u200c\u200cم"), "م\u200cم");
  EXPECT_EQ(without_controls("م\u200c"), "م");
  EXPECT_EQ(without_controls("م\u200c a"), "م a");
  EXPECT_EQ(without_controls("a\U000e0061\U000e007f"), "a");
  EXPECT_EQ(without_controls("🏴\U000e0067\U000e0062"), "🏴") << "without an end";
  EXPECT_EQ(without_controls("🏴\U000e007f"), "🏴");
  EXPECT_EQ(without_controls("🏴\U000e0067a\U000e007f"), "🏴a");
  std::string many = "🏴";
  for (int i = 0; i < 33; ++i) {
    many += "\U000e0061";
  }
  EXPECT_EQ(without_controls(many + "\U000e007f"), "🏴");
}

TEST(ShownText, WhatLeavesNothingToSeeShowsNothing) {
  for (const char* text :
       {"", " ", "\u00a0 \u2003", "\u3000", "\u1680", "\u3164", "\uffa0", "\u115f\u1160", "\u2800", "\u034f", "\u0301",
        "\ufe0f", "\u17b4", "\U000e0100", "\u180b", "\u200d\u200d", "\ufffc", "\U0001d159", " \u3164\u2800\u0301 "}) {
    EXPECT_FALSE(shows_anything(text)) << text;
  }
  for (const char* text : {"a", ".", "红", " 红 ", "🧧", "\u3164.", "e\u0301", "\ufffd", "🏽", "🇨"}) {
    EXPECT_TRUE(shows_anything(text)) << text;
  }
}

TEST(ShownText, WhatStaysStays) {
  const std::array<std::string, 16> pieces{"a",      "م",      "ا",          "क",         "\u094d", "ᠮ",
                                           "👩",     "🏴",     "🏽",         "\ufe0f",    "\u200d", "\u200c",
                                           "\u202e", "\u180e", "\U000e0061", "\U000e007f"};
  EXPECT_TRUE(rc::check([&](const std::vector<uint8_t>& choices) {
    std::string text;
    for (const uint8_t choice : choices) {
      text += pieces[choice % pieces.size()];
    }
    const std::string kept = without_controls(text);
    RC_ASSERT(without_controls(kept) == kept);
  }));
}

TEST(ShownText, AnyBytesAreRead) {
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    const std::string kept = without_controls(bytes);
    RC_ASSERT(kept.size() <= bytes.size());
    RC_ASSERT(without_controls(kept) == kept);
    (void)shows_anything(bytes);
  }));
}

}  // namespace
}  // namespace hongbao
