#include "service/profiles.h"

#include <algorithm>

#include "service/ask_all.h"
#include "service/cache_record.h"

namespace hongbao {
namespace {

std::string cache_key(const UserId& user) {
  return "profile:" + user.text();
}

std::string print(const Profile& profile, std::string_view kept_at) {
  RecordWriter out(RecordLayout::kProfile, kept_at);
  out.text(profile.nickname);
  out.text(profile.avatar);
  return std::move(out).finish();
}

// nullptr for anything that `print` did not make for this cache key.
ProfileRef parse_profile(const std::string& record, std::string_view kept_at) {
  RecordReader in(record, RecordLayout::kProfile, kept_at);
  const std::string_view nickname = in.text();
  const std::string_view avatar = in.text();
  return in.complete() ? make_profile(nickname, avatar) : nullptr;
}

}  // namespace

void Profiles::remember(const UserId& user, ProfileRef profile) {
  const std::optional<ProfileRef> known = near_.find(user);
  if (known && (*known == profile || (*known && profile && **known == *profile))) {
    return;
  }
  // Known here for a moment only, until the cache has it: what it refuses is told again.
  near_.put(user, profile, kUnsureTtl);
  auto told = [this, user, profile](Result<void> taken) {
    if (taken) {
      near_.put(user, profile, kNearTtl);
    }
  };
  if (profile) {
    const std::string kept_at = cache_key(user);
    cache_.put(kept_at, print(*profile, kept_at), kTtl, std::move(told));
  } else {
    cache_.erase({cache_key(user)}, std::move(told));
  }
}

void Profiles::find(const UserId& user, Done<ProfileRef> done) {
  const auto load = [&](Done<Near::Loaded> loaded) {
    const std::string kept_at = cache_key(user);
    cache_.get(kept_at, [this, kept_at, loaded = std::move(loaded)](auto read) mutable {
      ProfileRef profile =
          reads_.count(read, [&](const std::string& record) { return parse_profile(record, kept_at); });
      const auto ttl = profile ? std::chrono::milliseconds(kNearTtl) : kUnsureTtl;
      loaded(Near::Loaded{std::move(profile), ttl});
    });
  };
  near_.get(user, load, std::move(done));
}

void Profiles::find(const UserId& user, std::move_only_function<void(ProfileRef)> done) {
  find(user, Done<ProfileRef>([done = std::move(done)](Result<ProfileRef> found) mutable {
         done(found ? std::move(*found) : nullptr);
       }));
}

void Profiles::find_all(const std::vector<UserId>& users, std::move_only_function<void(std::vector<ProfileRef>)> done) {
  ask_all<ProfileRef>(
      std::min(users.size(), kAskedTogetherMax),
      [&](size_t i, Done<ProfileRef> each) { find(users[i], std::move(each)); },
      [count = users.size(), done = std::move(done)](std::vector<Result<ProfileRef>> found) mutable {
        std::vector<ProfileRef> profiles(count);
        for (size_t i = 0; i < found.size(); ++i) {
          profiles[i] = found[i] ? std::move(*found[i]) : nullptr;
        }
        done(std::move(profiles));
      });
}

}  // namespace hongbao
