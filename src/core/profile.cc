#include "core/profile.h"

#include <algorithm>

#include "core/shown_text.h"

namespace hongbao {
namespace {

bool is_nickname(std::string_view text) {
  return count_characters(text) <= Profile::kNicknameCharactersMax && shows_anything(text);
}

// Beside white space: what would end a URL within HTML, CSS or a script.
constexpr std::string_view kNotInUrls = "\"'<>\\^`{|}()";

bool is_url(std::string_view text) {
  return text.size() <= Profile::kAvatarLengthMax && text.starts_with("https://") &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && !kNotInUrls.contains(c); });
}

}  // namespace

ProfileRef make_profile(std::string_view nickname, std::string_view avatar) {
  Profile profile;
  if (std::string cleaned = without_controls(nickname); is_nickname(cleaned)) {
    profile.nickname = std::move(cleaned);
  }
  if (is_url(avatar)) {
    profile.avatar = avatar;
  }
  return profile == Profile() ? nullptr : std::make_shared<const Profile>(std::move(profile));
}

}  // namespace hongbao
