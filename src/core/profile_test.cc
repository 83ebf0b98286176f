#include "core/profile.h"

#include <gtest/gtest.h>

namespace hongbao {
namespace {

std::string nickname(const std::string& claimed) {
  const ProfileRef profile = make_profile(claimed, "https://example.com/a.png");
  return profile->nickname;
}

std::string avatar(const std::string& claimed) {
  const ProfileRef profile = make_profile("Alice", claimed);
  return profile->avatar;
}

TEST(ProfileTest, KeepsNicknameAndAvatar) {
  EXPECT_EQ(*make_profile("小红", "https://example.com/a.png"), (Profile{"小红", "https://example.com/a.png"}));
  EXPECT_EQ(make_profile("", ""), nullptr);
  EXPECT_EQ(*make_profile("Alice", ""), (Profile{"Alice", ""}));
}

TEST(ProfileTest, ANicknameTooLongOrThatShowsNothingIsLeftOut) {
  std::string longest;
  for (size_t i = 0; i < Profile::kNicknameCharactersMax; ++i) {
    longest += "红";
  }
  EXPECT_EQ(nickname(longest), longest);
  EXPECT_EQ(nickname(longest + "a"), "");
  EXPECT_EQ(nickname(" \u3164\u200b"), "");
  EXPECT_EQ(nickname("\u202e"), "");
}

TEST(ProfileTest, ANicknameLosesItsControlCharacters) {
  EXPECT_EQ(nickname("a\nb"), "ab");
  EXPECT_EQ(nickname("a\x7f\u009b"), "a");
  EXPECT_EQ(nickname("\u202e小红\u2066"), "小红");
  EXPECT_EQ(nickname("👩‍👧 שלום"), "👩‍👧 שלום");
}

TEST(ProfileTest, AnAvatarThatIsNoUrlOrTooLongIsLeftOut) {
  const std::string longest = "https://" + std::string(Profile::kAvatarLengthMax - 8, 'a');
  EXPECT_EQ(avatar(longest), longest);
  EXPECT_EQ(avatar(longest + "a"), "");
  EXPECT_EQ(avatar("javascript:alert(1)"), "");
  EXPECT_EQ(avatar("http://example.com/a.png"), "");
  EXPECT_EQ(avatar("https://example.com/a?b=c&d=%22#e"), "https://example.com/a?b=c&d=%22#e");
  for (const char* breaks_out : {"\"", "'", "<", ">", "\\", "`", ")"}) {
    EXPECT_EQ(avatar(std::string("https://example.com/") + breaks_out + "onerror=x"), "") << breaks_out;
  }
  EXPECT_EQ(avatar("https://example.com/a b"), "");
  EXPECT_EQ(avatar("https://example.com/红"), "");
}

}  // namespace
}  // namespace hongbao
