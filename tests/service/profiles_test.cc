#include "service/profiles.h"

#include <fmt/format.h>

#include "service/faulty_cache.h"
#include "service/service_fixture.h"

namespace hongbao {
namespace {

class ProfilesTest : public ServiceTest {
 protected:
  static ProfileRef named(const std::string& nickname) { return make_profile(nickname, "https://example.com/a.png"); }
  static ProfileRef find(Profiles& profiles, const std::string& name) {
    ProfileRef found;
    profiles.find(user(name), [&](ProfileRef profile) { found = std::move(profile); });
    return found;
  }

  FaultyCache cache{at.cache};
  Profiles here{cache, at.clock, at.registry};
  Profiles there{cache, at.clock, at.registry};  // another process's
};

TEST_F(ProfilesTest, AProfileIsKnownEverywhereAndPutOnce) {
  for (int i = 0; i < 3; ++i) {
    here.remember(user("alice"), named("小红"));
  }
  EXPECT_EQ(cache.puts, 1);
  EXPECT_EQ(*find(here, "alice"), *named("小红"));
  EXPECT_EQ(cache.reads, 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(*find(there, "alice"), *named("小红"));
  }
  EXPECT_EQ(cache.reads, 1);
}

TEST_F(ProfilesTest, AChangeShowsHereAtOnceAndElsewhereSoon) {
  here.remember(user("alice"), named("Alice"));
  EXPECT_EQ(find(there, "alice")->nickname, "Alice");
  here.remember(user("alice"), named("Alicia"));
  EXPECT_EQ(find(here, "alice")->nickname, "Alicia");
  at.clock.advance(Profiles::kNearTtl);
  EXPECT_EQ(find(there, "alice")->nickname, "Alicia");
}

TEST_F(ProfilesTest, ATokenThatSaysNothingMakesWhatItSaidBeforeForgotten) {
  here.remember(user("alice"), named("Alice"));
  EXPECT_EQ(find(there, "alice")->nickname, "Alice");
  for (int i = 0; i < 3; ++i) {
    here.remember(user("alice"), nullptr);
  }
  EXPECT_EQ(cache.erases, 1);
  EXPECT_EQ(find(here, "alice"), nullptr);
  at.clock.advance(Profiles::kNearTtl);
  EXPECT_EQ(find(there, "alice"), nullptr);
  here.remember(user("alice"), named("Alice"));
  EXPECT_EQ(find(here, "alice")->nickname, "Alice");
}

TEST_F(ProfilesTest, WhoIsNotKnownIsAskedForNowAndThen) {
  EXPECT_EQ(find(here, "bob"), nullptr);
  EXPECT_EQ(find(here, "bob"), nullptr);
  EXPECT_EQ(cache.reads, 1);
  there.remember(user("bob"), named("Bob"));
  at.clock.advance(Profiles::kUnsureTtl);
  EXPECT_EQ(find(here, "bob")->nickname, "Bob");
}

TEST_F(ProfilesTest, ADeadCacheHidesProfilesAndGetsThemWhenItIsBack) {
  cache.refuses = true;
  here.remember(user("alice"), named("Alice"));
  here.remember(user("alice"), named("Alice"));
  EXPECT_EQ(cache.puts, 1);
  EXPECT_EQ(find(here, "alice")->nickname, "Alice");
  EXPECT_EQ(find(there, "alice"), nullptr);
  cache.refuses = false;
  at.clock.advance(Profiles::kUnsureTtl);
  here.remember(user("alice"), named("Alice"));
  EXPECT_EQ(cache.puts, 2);
  EXPECT_EQ(find(there, "alice")->nickname, "Alice");
}

TEST_F(ProfilesTest, GarbageAndOthersProfilesAreNotShown) {
  here.remember(user("alice"), named("Alice"));
  std::string record;
  at.cache.get("profile:alice", [&](auto found) { record = found.value().value(); });
  at.cache.put("profile:mallory", record, Profiles::kTtl, [](auto) {});
  at.cache.put("profile:bob", "garbage", Profiles::kTtl, [](auto) {});
  EXPECT_EQ(find(there, "mallory"), nullptr);
  EXPECT_EQ(find(there, "bob"), nullptr);
}

TEST_F(ProfilesTest, ManyAreFoundTogetherUpToALimit) {
  std::vector<UserId> users;
  for (size_t i = 0; i < Profiles::kAskedTogetherMax + 1; ++i) {
    users.push_back(user(fmt::format("user-{}", i)));
    if (i != 1) {
      here.remember(users.back(), named(users.back().text()));
    }
  }
  std::vector<ProfileRef> found;
  there.find_all(users, [&](std::vector<ProfileRef> profiles) { found = std::move(profiles); });
  ASSERT_EQ(found.size(), users.size());
  EXPECT_EQ(found[0]->nickname, "user-0");
  EXPECT_EQ(found[1], nullptr);
  EXPECT_EQ(found[Profiles::kAskedTogetherMax - 1]->nickname, users[Profiles::kAskedTogetherMax - 1].text());
  EXPECT_EQ(found[Profiles::kAskedTogetherMax], nullptr);
}

TEST_F(ProfilesTest, ViewsAndSharesShowThem) {
  at.profiles.remember(user("alice"), named("Alice"));
  at.profiles.remember(user("bob"), named("Bob"));
  const PreOrder sent = at.sent("alice", lucky(100, 2));
  const PacketKey packet = sent.order.key;
  EXPECT_EQ(at.view(packet)->sender_profile->nickname, "Alice") << "awaiting its payment";
  ASSERT_TRUE(at.accept(sent, "p1"));
  at.opened(packet, "carol");
  at.opened(packet, "bob");
  EXPECT_EQ(at.view(packet)->sender_profile->nickname, "Alice");
  const auto page = at.shares(packet, 1, 10);
  ASSERT_EQ(page->profiles.size(), 2U);
  EXPECT_EQ(page->profiles[0], nullptr);
  EXPECT_EQ(page->profiles[1]->nickname, "Bob");
}

}  // namespace
}  // namespace hongbao
