#include "core/profile.h"

#include <algorithm>

#include "core/send_request.h"

namespace hongbao {
namespace {

bool is_nickname(std::string_view text) {
  return count_characters(text) <= Profile::kNicknameCharactersMax &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_url(std::string_view text) {
  return text.size() <= Profile::kAvatarLengthMax && (text.starts_with("https://") || text.starts_with("http://")) &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

ProfileRef make_profile(std::string_view nickname, std::string_view avatar) {
  Profile profile;
  if (is_nickname(nickname)) {
    profile.nickname = nickname;
  }
  if (is_url(avatar)) {
    profile.avatar = avatar;
  }
  return profile == Profile() ? nullptr : std::make_shared<const Profile>(std::move(profile));
}

}  // namespace hongbao
