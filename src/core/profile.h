// How users call themselves and look, for display beside their ids: never needed, and lost without harm. Pure; any
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hongbao {

struct Profile {
  static constexpr size_t kNicknameCharactersMax = 64;  // Unicode code points
  static constexpr size_t kAvatarLengthMax = 512;

  std::string nickname;  // empty: not known
  std::string avatar;    // an https URL, which is shown and never fetched here; empty: not known

  friend bool operator==(const Profile&, const Profile&) = default;
};
using ProfileRef = std::shared_ptr<const Profile>;  // null: nothing is known

// A nickname loses its control and format characters (core/shown_text.h). A part that breaks a limit, shows nothing, or
// is no URL is left out. Null when nothing is left.
ProfileRef make_profile(std::string_view nickname, std::string_view avatar);

}  // namespace hongbao
